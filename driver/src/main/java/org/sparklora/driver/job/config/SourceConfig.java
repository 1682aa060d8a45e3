package org.sparklora.driver.job.config;

import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A source of labelled rows, and its columns.
 *
 * @param path file, directory or glob, absolute or with a scheme; not looked into here
 * @param format Spark's name of the format; empty: by the file's name
 * @param text column of the text, or of the first text of a pair
 * @param textPair column of the second text
 * @param weight column of the example's weight in the loss
 * @param options reader options that override the defaults of the format
 */
public record SourceConfig(
        String path,
        Optional<String> format,
        String text,
        Optional<String> textPair,
        String label,
        Optional<String> weight,
        SortedMap<String, String> options) {

    public SourceConfig {
        options = Collections.unmodifiableSortedMap(new TreeMap<>(options));
    }
}
