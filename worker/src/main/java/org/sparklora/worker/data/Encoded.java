package org.sparklora.worker.data;

/**
 * What a tokenizer makes of a text or a pair of texts.
 *
 * <p>A class rather than a record, as an array has no useful equality.
 */
public final class Encoded {

    private final int[] inputIds;
    private final int secondStart;
    private final boolean truncated;

    Encoded(int[] inputIds, int secondStart, boolean truncated) {
        this.inputIds = inputIds;
        this.secondStart = secondStart;
        this.truncated = truncated;
    }

    /** Token ids with the special tokens, without padding; the array is the caller's. */
    public int[] inputIds() {
        return inputIds;
    }

    /** Index of the first token of type 1; the length when there is none. */
    public int secondStart() {
        return secondStart;
    }

    /** Whether tokens were cut off to keep to the maximum length. */
    public boolean truncated() {
        return truncated;
    }

    /** An example with these tokens and one label. */
    public Example example(float label, float weight, long key) {
        return new Example(inputIds, secondStart, label, weight, key);
    }

    /** An example with these tokens and some labels. */
    public Example example(float[] labels, float weight, long key) {
        return new Example(inputIds, secondStart, labels, weight, key);
    }
}
