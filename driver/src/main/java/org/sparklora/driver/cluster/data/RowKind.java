package org.sparklora.driver.cluster.data;

/** What the text and label columns of a source hold. */
public enum RowKind {
    /** A text, and one label. */
    ONE_LABEL,
    /** A text, and any number of labels: names separated by {@code |}, or an array. An empty cell is no label. */
    LABEL_SET,
    /** An array of words, and an array of as many tags. */
    TAGGED_WORDS
}
