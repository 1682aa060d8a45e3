package org.sparklora.driver.cluster.data;

import java.util.Map;
import java.util.Optional;

/**
 * Where rows come from and which columns matter.
 *
 * @param path file, directory or pattern, as Spark's readers take it
 * @param format csv, parquet or json; empty: from the file's name
 * @param text column of the text
 * @param textPair column of the second text
 * @param label column of the label; empty for data without labels
 * @param weight column of the row's weight in the loss
 * @param options options of Spark's reader, over ours
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

    /** Rows of a text and a label column, the format from the file's name. */
    public static Source of(String path, String text, String label) {
        return new Source(
                path, Optional.empty(), text, Optional.empty(), Optional.of(label), Optional.empty(), Map.of());
    }

    /** The same source without a label column. */
    public Source unlabelled() {
        return new Source(path, format, text, textPair, Optional.empty(), weight, options);
    }
}
