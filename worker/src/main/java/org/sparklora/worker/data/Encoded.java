package org.sparklora.worker.data;

import java.util.Arrays;

/**
 * The tokens of a text or a pair of texts.
 *
 * @param inputIds token ids with the special tokens, without padding; the caller owns the array
 * @param secondStart index of the first token of type 1; the length if there is none
 * @param truncated whether the text was cut to the maximum length
 * @param words for each token the index of its word, from 0; -1 for a special token. Empty for texts that are not split into
 *     words
 */
@SuppressWarnings("ArrayRecordComponent") // tokens are never compared
public record Encoded(int[] inputIds, int secondStart, boolean truncated, int[] words) {

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
