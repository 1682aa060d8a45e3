package org.sparklora.driver.watch.report;

/** A table with a head; wide ones scroll within their own frame, so that the page never does. */
final class Table {

    /** Rows that a table has at most: what is beyond is in the history. */
    static final int MOST_ROWS = 200;

    private final Html html;

    /** Writes what is in a cell. */
    @FunctionalInterface
    interface Cell {
        void write(Html html);
    }

    /** @param name for those who hear the page; the frame can be reached by keyboard to scroll it */
    Table(Html html, String name) {
        this.html = html;
        html.open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label", name);
        html.open("table");
    }

    Table head(String... titles) {
        html.open("thead").open("tr");
        for (String title : titles) {
            html.element("th", title, "scope", "col");
        }
        html.close().close().open("tbody");
        return this;
    }

    /** A row: its name, then what the cells write. */
    Table row(Cell name, Cell... cells) {
        html.open("tr").open("th", "scope", "row");
        name.write(html);
        html.close();
        for (Cell cell : cells) {
            html.open("td");
            cell.write(html);
            html.close();
        }
        html.close();
        return this;
    }

    /** A cell of words or numbers of the page's own. */
    static Cell words(String text) {
        return html -> html.text(text);
    }

    /** A cell of what the run recorded. */
    static Cell data(String text) {
        return html -> html.data(text);
    }

    /** A cell of words that fill lines. */
    static Cell prose(String text) {
        return html -> html.element("span", text, "class", "prose");
    }

    /** The same of what the run recorded. */
    static Cell recorded(String text) {
        return html -> html.open("span", "class", text.isEmpty() ? "" : "prose")
                .data(text)
                .close();
    }

    /** A cell with a digest or a name of code. */
    static Cell code(String text) {
        return html -> html.code(text);
    }

    void end() {
        html.close().close().closeBlock();
    }
}
