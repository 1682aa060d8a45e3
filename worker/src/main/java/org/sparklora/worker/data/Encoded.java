package org.sparklora.worker.data;

import java.util.Arrays;

/**
 * What a tokenizer makes of a text or a pair of texts.
 *
 * <p>A class rather than a record, as an array has no useful equality.
 */
public final class Encoded {

    private final int[] inputIds;
    private final int secondStart;
    private final boolean truncated;

    /** For each token the word that it is a piece of, from 0; -1 for a special token. Empty for a text. */
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

    /**
     * Labels of the tokens of words: a word's at its first piece, {@link Example#IGNORED} everywhere else. A word that was
     * cut off, or that the tokenizer makes nothing of, has no place.
     *
     * @param ofWords a label for each word
     */
    public float[] labels(float[] ofWords) {
        float[] labels = new float[words.length];
        Arrays.fill(labels, Example.IGNORED);
        int before = -1;
        for (int token = 0; token < words.length; token++) {
            int word = words[token];
            if (word >= 0 && word != before) {
                labels[token] = ofWords[word];
                before = word;
            }
        }
        return labels;
    }

    /** An example with these tokens and one label. */
    public Example example(float label, float weight, long key) {
        return new Example(inputIds, secondStart, label, weight, key);
    }

    /**
     * An example with these tokens.
     *
     * @param labels one, one for each of C labels, or one for each token
     * @param weight factor on its loss, at least 0
     * @param key what orders it within its shard
     */
    public Example example(float[] labels, float weight, long key) {
        return new Example(inputIds, secondStart, labels, weight, key);
    }
}
