package org.sparklora.driver.job.text;

import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Rows of texts in columns of equal width. */
public final class Table {

    private static final String GAP = "  ";

    private Table() {}

    /** One line for each row, texts at the left of their columns. */
    public static List<String> left(List<List<String>> rows) {
        return lines(rows, width -> String.format(Locale.ROOT, "%%-%ds", width));
    }

    /** One line for each row, texts at the right of their columns. */
    public static List<String> right(List<List<String>> rows) {
        return lines(rows, width -> String.format(Locale.ROOT, "%%%ds", width));
    }

    private static List<String> lines(List<List<String>> rows, IntFunction<String> cell) {
        String format = String.join(
                GAP,
                IntStream.range(0, rows.get(0).size())
                        .map(column -> rows.stream()
                                .mapToInt(row -> row.get(column).length())
                                .max()
                                .orElseThrow())
                        .mapToObj(cell)
                        .toList());
        return rows.stream()
                .map(row -> String.format(Locale.ROOT, format, row.toArray()).stripTrailing())
                .toList();
    }
}
