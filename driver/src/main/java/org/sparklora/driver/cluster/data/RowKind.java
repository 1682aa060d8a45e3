package org.sparklora.driver.cluster.data;

/** The kind of values in the text and label columns of a source. */
public enum RowKind {
    /** A text and one label. */
    ONE_LABEL,
    /** A text and any number of labels: names separated by {@code |}, or an array. An empty cell means no labels. */
    LABEL_SET,
    /** An array of words and an array with one tag for each word. */
    TAGGED_WORDS
}
