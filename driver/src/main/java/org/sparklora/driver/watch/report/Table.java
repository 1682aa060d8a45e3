package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;

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

    /** Starts a table; spaces separate the keys of the columns' titles. */
    Table(Html html, String name, String titles) {
        this(html, name, html.messages().texts(titles));
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
        }
    }

    /** A cell with any content. */
    Table cell(Consumer<Html> content) {
        if (first) {
            html.open("th", "scope", "row");
        } else {
            html.open("td");
        }
        first = false;
        content.accept(html);
        html.close();
        return this;
    }

    /** A cell with the page's own words or numbers. */
    Table text(String text) {
        return cell(into -> into.text(text));
    }

    /** A cell with a number, or a dash for NaN. */
    Table number(double value) {
        return orDash(value, Formats::number);
    }

    /** A cell with a number in some format, or a dash for NaN. */
    Table orDash(double value, DoubleFunction<String> format) {
        return text(Double.isNaN(value) ? "–" : format.apply(value));
    }

    /** A cell with recorded data. */
    Table data(String text) {
        return cell(into -> into.data(text));
    }

    /** A cell with sentences of the page. */
    Table prose(String text) {
        return cell(into -> into.element("span.prose", text));
    }

    /** A cell with recorded sentences. */
    Table recordedProse(String text) {
        String look = text.isEmpty() ? "" : "prose";
        return cell(into -> into.open("span", "class", look).data(text).close());
    }

    /** A cell with a colour of the legend and its name. */
    Table swatch(String look, String text) {
        return cell(into -> into.mark("i.swatch " + look).text(text));
    }

    /** Writes a row for each item up to {@link #MAX_ROWS}, ends the table, and says whether there are more. */
    <T> void end(List<T> items, Consumer<T> row) {
        items.stream().limit(MAX_ROWS).forEach(row);
        end();
        if (items.size() > MAX_ROWS) {
            html.note("first", MAX_ROWS);
        }
    }

    /** Ends the table. */
    void end() {
        endRow();
        html.close().close().closeBlock();
    }
}
