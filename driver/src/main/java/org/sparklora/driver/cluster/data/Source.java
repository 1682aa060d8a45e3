package org.sparklora.driver.cluster.data;

import java.util.Map;
import java.util.Optional;

/**
 * The location of rows, and the columns to read.
 *
 * @param path file, directory or glob pattern, as Spark's readers accept it
 * @param format csv, tsv, parquet or json; if empty, the file name decides
 * @param text column of the first text, or of words
 * @param textPair column of the second text
 * @param label column of the label; empty for data without labels
 * @param weight column of the row's weight in the loss
 * @param options options of Spark's reader, which override the defaults
 */
public record Source(
        String path,
        Optional<String> format,
        String text,
        Optional<String> textPair,
        Optional<String> label,
        Optional<String> weight,
        Map<String, String> options) {

    public Source {
        options = Map.copyOf(options);
    }

    /** A source with a text and a label column; the file name decides the format. */
    public static Source of(String path, String text, String label) {
        return new Source(
                path, Optional.empty(), text, Optional.empty(), Optional.of(label), Optional.empty(), Map.of());
    }

    /** Returns this source without the label column. */
    public Source unlabelled() {
        return new Source(path, format, text, textPair, Optional.empty(), weight, options);
    }
}
