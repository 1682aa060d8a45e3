package org.sparklora.driver.data;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Several CSV files are one table only if their headers agree: Spark takes the first file's for all, silently. */
final class CsvHeaders {

    private CsvHeaders() {}

    static void requireSame(Source source, String[] files, Function<String, List<String>> columnsOf) {
        if (files.length < 2) {
            return;
        }
        String[] ordered = files.clone();
        Arrays.sort(ordered);
        List<String> first = columnsOf.apply(ordered[0]);
        for (String file : ordered) {
            List<String> columns = columnsOf.apply(file);
            if (!columns.isEmpty() && !columns.equals(first)) {
                throw new DataException("'" + source.path() + "': " + InputRow.plain(file) + " has the columns "
                        + DidYouMean.list(columns) + ", but " + InputRow.plain(ordered[0]) + " has "
                        + DidYouMean.list(first) + "; give all files the same header");
            }
        }
    }
}
