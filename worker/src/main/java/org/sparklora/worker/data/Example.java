package org.sparklora.worker.data;

import java.io.Serializable;
import java.util.Arrays;

/**
 * One tokenised row: token ids with the special tokens, the label, the weight in the loss, and the row's key.
 *
 * <p>The arrays are shared, not copied: thousands of examples live in a shard, and nobody changes one. Token types and
 * attention masks are not stored, for both follow from {@link #secondStart} and the length.
 */
public final class Example implements Serializable {

    private static final long serialVersionUID = 1L;

    private final int[] inputIds;
    private final int secondStart;
    private final float label;
    private final float weight;
    private final long key;

    /**
     * An example.
     *
     * @param inputIds token ids with the special tokens, without padding; at least one
     * @param secondStart index of the first token of type 1; the length when there is no second text
     * @param label class index, or the value of a regression
     * @param weight factor of this row's loss; finite, at least 0
     * @param key what orders the row within an epoch
     */
    public Example(int[] inputIds, int secondStart, float label, float weight, long key) {
        if (inputIds.length == 0 || secondStart < 0 || secondStart > inputIds.length) {
            throw new IllegalArgumentException("example " + key + ": " + inputIds.length
                    + " tokens, the second text from token " + secondStart + "; there must be at least one token, and "
                    + "the second text must start within them");
        }
        this.inputIds = inputIds;
        this.secondStart = secondStart;
        this.label = label;
        this.weight = weight;
        this.key = key;
    }

    /** Token ids; not a copy, so for readers only. */
    public int[] inputIds() {
        return inputIds;
    }

    /** Tokens, special ones included. */
    public int length() {
        return inputIds.length;
    }

    /** Index of the first token of type 1; the length when there is no second text. */
    public int secondStart() {
        return secondStart;
    }

    /** Class index, or the value of a regression. */
    public float label() {
        return label;
    }

    /** Factor of this row's loss. */
    public float weight() {
        return weight;
    }

    /** What orders the row within an epoch. */
    public long key() {
        return key;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Example other
                && key == other.key
                && secondStart == other.secondStart
                && Float.floatToIntBits(label) == Float.floatToIntBits(other.label)
                && Float.floatToIntBits(weight) == Float.floatToIntBits(other.weight)
                && Arrays.equals(inputIds, other.inputIds);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(key) * 31 + Arrays.hashCode(inputIds);
    }

    @Override
    public String toString() {
        return "Example[key=" + key + ", length=" + inputIds.length + ", secondStart=" + secondStart + ", label="
                + label + ", weight=" + weight + "]";
    }
}
