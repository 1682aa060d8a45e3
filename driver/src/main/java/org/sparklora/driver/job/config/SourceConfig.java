package org.sparklora.driver.job.config;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A source of labelled rows, and its columns.
 *
 * @param path file, directory or glob, absolute or with a scheme; not looked into here; empty for a table or query
 * @param format Spark's name of the format; empty: by the file's name
 * @param text column of the text, or of the first text of a pair
 * @param textPair column of the second text
 * @param weight column of the example's weight in the loss
 * @param options reader options that override the defaults of the format
 * @param selection the table or query, and which rows and columns
 */
public record SourceConfig(
        Optional<String> path,
        Optional<String> format,
        String text,
        Optional<String> textPair,
        String label,
        Optional<String> weight,
        SortedMap<String, String> options,
        Selection selection) {

    private static final int MAX_NAME = 60;

    /**
     * What is read of the session's catalog, and what of a source.
     *
     * @param table name of a table, in parts as SQL has them
     * @param sql one query
     * @param where condition that rows must meet, in SQL
     * @param columns the only columns that are read; empty for all
     */
    public record Selection(
            Optional<String> table, Optional<String> sql, Optional<String> where, Optional<List<String>> columns) {

        /** All rows and columns of files. */
        public static final Selection ALL =
                new Selection(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    public SourceConfig {
        options = Collections.unmodifiableSortedMap(new TreeMap<>(options));
    }

    /** All rows of files. */
    public SourceConfig(
            String path,
            Optional<String> format,
            String text,
            Optional<String> textPair,
            String label,
            Optional<String> weight,
            SortedMap<String, String> options) {
        this(Optional.of(path), format, text, textPair, label, weight, options, Selection.ALL);
    }

    /** Whether the rows are those of a table or query. */
    public boolean isOfCatalog() {
        return selection.table().isPresent() || selection.sql().isPresent();
    }

    /** The source for messages: its path, its table, or the beginning of its query. */
    public String name() {
        return path.or(selection::table)
                .or(() -> selection
                        .sql()
                        .map(query -> query.strip().replaceAll("\\s+", " "))
                        .map(query -> query.length() <= MAX_NAME ? query : query.substring(0, MAX_NAME - 1) + "…"))
                .orElse("");
    }
}
