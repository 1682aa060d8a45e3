package org.sparklora.worker.data;

import java.io.Serializable;
import java.util.Arrays;

/**
 * One tokenized row: token ids with the special tokens, labels, weight in the loss, and key.
 *
 * <p>Labels are one class index or value; or C values, 1 for each label that the row has and 0 for the others; or a class index
 * for each token, {@link #IGNORED} for tokens without label.
 *
 * <p>Arrays are shared, not copied; do not change them. Token types and attention masks are not stored, since both follow from
 * {@link #secondStart} and the length.
 */
public final class Example implements Serializable {

    /** The label of tokens without one: special tokens, and all tokens of a word but its first. PyTorch's ignore_index. */
    public static final float IGNORED = -100f;

    private static final long serialVersionUID = 1L;

    private final int[] inputIds;
    private final int secondStart;
    private final float[] labels;
    private final float weight;
    private final long key;

    /**
     * Creates an example with one label.
     *
     * @param label class index, or the value of a regression
     */
    public Example(int[] inputIds, int secondStart, float label, float weight, long key) {
        this(inputIds, secondStart, new float[] {label}, weight, key);
    }

    /**
     * Creates an example.
     *
     * @param inputIds token ids with the special tokens, without padding; at least one
     * @param secondStart index of the first token of type 1; the length if there is no second text
     * @param labels at least one
     * @param weight factor of this row's loss; finite, at least 0
     * @param key orders the row within an epoch
     */
    public Example(int[] inputIds, int secondStart, float[] labels, float weight, long key) {
        if (inputIds.length == 0 || secondStart < 0 || secondStart > inputIds.length) {
            throw new IllegalArgumentException("example " + key + ": " + inputIds.length
                    + " tokens, the second text from token " + secondStart + "; there must be at least one token, and "
                    + "the second text must start within them");
        }
        if (labels.length == 0) {
            throw new IllegalArgumentException("example " + key + " has no label, but must have at least one");
        }
        this.inputIds = inputIds;
        this.secondStart = secondStart;
        this.labels = labels;
        this.weight = weight;
        this.key = key;
    }

    /** Token ids; not a copy. */
    public int[] inputIds() {
        return inputIds;
    }

    /** Number of tokens, including special tokens. */
    public int length() {
        return inputIds.length;
    }

    /** Index of the first token of type 1; the length if there is no second text. */
    public int secondStart() {
        return secondStart;
    }

    /** The first label: the class index, or the value of a regression. */
    public float label() {
        return labels[0];
    }

    /** All labels; not a copy. */
    public float[] labels() {
        return labels;
    }

    /** Factor of this row's loss. */
    public float weight() {
        return weight;
    }

    /** Orders the row within an epoch. */
    public long key() {
        return key;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Example other
                && key == other.key
                && secondStart == other.secondStart
                && Arrays.equals(labels, other.labels)
                && Float.floatToIntBits(weight) == Float.floatToIntBits(other.weight)
                && Arrays.equals(inputIds, other.inputIds);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(key) * 31 + Arrays.hashCode(inputIds);
    }

    @Override
    public String toString() {
        return "Example[key=" + key + ", length=" + inputIds.length + ", secondStart=" + secondStart + ", labels="
                + Arrays.toString(labels) + ", weight=" + weight + "]";
    }
}
