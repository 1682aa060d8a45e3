package org.sparklora.worker.data;

import java.util.Arrays;

/**
 * The tokens of a text or a pair of texts.
 *
 * <p>Not a record, since arrays have no useful equality.
 */
public final class Encoded {

    private final int[] inputIds;
    private final int secondStart;
    private final boolean truncated;

    /** For each token the index of its word, from 0; -1 for a special token. Empty for texts that are not split into words. */
    private final int[] words;

    Encoded(int[] inputIds, int secondStart, boolean truncated) {
        this(inputIds, secondStart, truncated, new int[0]);
    }

    Encoded(int[] inputIds, int secondStart, boolean truncated, int[] words) {
        this.inputIds = inputIds;
        this.secondStart = secondStart;
        this.truncated = truncated;
        this.words = words;
    }

    /** Token ids with the special tokens, without padding. The caller owns the array. */
    public int[] inputIds() {
        return inputIds;
    }

    /** Index of the first token of type 1; the length if there is none. */
    public int secondStart() {
        return secondStart;
    }

    /** Whether the text was cut to the maximum length. */
    public boolean truncated() {
        return truncated;
    }

    /**
     * Returns labels of tokens: the first token of a word has the word's label, all other tokens {@link Example#IGNORED}. Words
     * that were cut off, or have no tokens, are left out.
     *
     * @param wordLabels a label for each word
     */
    public float[] labels(float[] wordLabels) {
        float[] labels = new float[words.length];
        Arrays.fill(labels, Example.IGNORED);
        int before = -1;
        for (int token = 0; token < words.length; token++) {
            int word = words[token];
            if (word >= 0 && word != before) {
                labels[token] = wordLabels[word];
                before = word;
            }
        }
        return labels;
    }

    /** Creates an example with these tokens and one label. */
    public Example example(float label, float weight, long key) {
        return new Example(inputIds, secondStart, label, weight, key);
    }

    /**
     * Creates an example with these tokens.
     *
     * @param labels one value, one for each of C labels, or one for each token
     * @param weight factor of its loss, at least 0
     * @param key orders the example within its shard
     */
    public Example example(float[] labels, float weight, long key) {
        return new Example(inputIds, secondStart, labels, weight, key);
    }
}
