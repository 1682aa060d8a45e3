package org.sparklora.driver.watch.report;

import java.util.Arrays;
import java.util.List;

/** A table with a header row. Wide tables scroll inside their own frame, so the page never scrolls sideways. */
final class Table {

    /** Maximum number of rows; the history has the rest. */
    static final int MAX_ROWS = 200;

    private final Html html;
    private boolean inRow;

    /** Whether the next cell is the first one of its row, which is the row's header. */
    private boolean first;

    /**
     * Starts a table.
     *
     * @param name for screen readers; the frame can be reached by keyboard to scroll it
     * @param titles of the columns
     */
    Table(Html html, String name, List<String> titles) {
        this.html = html;
        html.open("div.scroll", "tabindex", "0", "role", "region", "aria-label", name);
        html.open("table").open("thead").open("tr");
        titles.forEach(title -> html.element("th", title, "scope", "col"));
        html.close().close().open("tbody");
    }

    /** Starts a table whose column titles are messages. */
    Table(Html html, String name, String... titles) {
        this(html, name, Arrays.stream(titles).map(html.messages()::text).toList());
    }

    /** Starts a row. */
    Table row() {
        endRow();
        html.open("tr");
        inRow = true;
        first = true;
        return this;
    }

    private void endRow() {
        if (inRow) {
            html.close();
            inRow = false;
        }
    }

    /** Opens a cell; the caller writes to it and then calls {@link #close}. */
    Html open() {
        if (first) {
            html.open("th", "scope", "row");
        } else {
            html.open("td");
        }
        first = false;
        return html;
    }

    /** Closes the cell that {@link #open} opened. */
    Table close() {
        html.close();
        return this;
    }

    /** A cell with the page's own words or numbers. */
    Table text(String text) {
        open().text(text);
        return close();
    }

    /** A cell with a number, or a dash for NaN. */
    Table number(double value) {
        return text(Double.isNaN(value) ? "–" : Formats.number(value));
    }

    /** A cell with recorded data. */
    Table data(String text) {
        open().data(text);
        return close();
    }

    /** A cell with sentences of the page. */
    Table prose(String text) {
        open().element("span.prose", text);
        return close();
    }

    /** A cell with recorded sentences. */
    Table recordedProse(String text) {
        open().open("span", "class", text.isEmpty() ? "" : "prose").data(text).close();
        return close();
    }

    /** A cell with a colour of the legend and its name. */
    Table swatch(String look, String text) {
        open().mark("i.swatch " + look).text(text);
        return close();
    }

    /** Ends the table. */
    void end() {
        endRow();
        html.close().close().closeBlock();
    }
}
