package org.sparklora.worker.data;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Padding;

/**
 * Examples as flat row-major arrays, padded to the longest example: B rows of S tokens.
 *
 * <p>Arrays are not copied, since they go straight into native memory. Do not change them.
 *
 * @param inputIds [B, S]
 * @param tokenTypeIds [B, S]: 0, or 1 for the tokens of a second text
 * @param attentionMask [B, S]: 1 for a token, 0 for padding
 * @param labels [B, L]: L is 1, or C for C labels a row. For labels of tokens L is S, padded with {@link Example#IGNORED}
 * @param weights [B]
 * @param trunk the cached trunk activations of the rows, if there are any
 */
@SuppressWarnings("ArrayRecordComponent") // batches are never compared
public record Batch(
        long[] inputIds,
        long[] tokenTypeIds,
        float[] attentionMask,
        float[] labels,
        float[] weights,
        Optional<TrunkActivations> trunk) {

    /** Creates a batch of at least one example. */
    public static Batch of(List<Example> examples, int padTokenId) {
        return of(examples, padTokenId, null);
    }

    /**
     * Creates a batch of at least one example.
     *
     * @param trunk the cached trunk activations of the examples, or null
     */
    public static Batch of(List<Example> examples, int padTokenId, @Nullable TrunkActivations trunk) {
        if (examples.isEmpty()) {
            throw new IllegalArgumentException(
                    "a batch of 0 examples: skip the step on a shard without rows, which adds zero");
        }
        int rows = examples.size();
        int size = rows * examples.stream().mapToInt(Example::length).max().orElseThrow();
        int labels = examples.stream().mapToInt(e -> e.labels().length).max().orElseThrow();
        Batch batch = new Batch(
                new long[size],
                new long[size],
                new float[size],
                new float[rows * labels],
                new float[rows],
                Optional.ofNullable(trunk));
        Arrays.fill(batch.inputIds, padTokenId);
        Arrays.fill(batch.labels, Example.IGNORED);
        for (int b = 0; b < rows; b++) {
            batch.fill(b, examples.get(b));
        }
        return batch;
    }

    private void fill(int b, Example example) {
        int[] ids = example.inputIds();
        int start = b * length();
        for (int s = 0; s < ids.length; s++) {
            inputIds[start + s] = ids[s];
        }
        // Padding has token type 0, as in Hugging Face.
        Arrays.fill(tokenTypeIds, start + example.secondStart(), start + ids.length, 1);
        Arrays.fill(attentionMask, start, start + ids.length, 1);
        float[] own = example.labels();
        System.arraycopy(own, 0, labels, b * (labels.length / rows()), own.length);
        weights[b] = example.weight();
    }

    /** Tokens and padding. */
    public Padding padding() {
        long tokens = 0;
        for (float token : attentionMask) {
            tokens += (long) token;
        }
        return new Padding(tokens, attentionMask.length - tokens);
    }

    /** B. */
    public int rows() {
        return weights.length;
    }

    /** S: tokens of the longest example. */
    public int length() {
        return inputIds.length / weights.length;
    }
}
