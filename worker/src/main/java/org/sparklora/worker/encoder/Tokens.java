package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.engine.Tensors;

/**
 * The tokens of one batch in the engine's memory, padded to the batch's own longest sequence.
 *
 * @param batch B
 * @param length S
 * @param ids [B·S] int64
 * @param typeIds [B·S] int64
 * @param mask [B, 1, 1, S] float32, added to attention scores: 0 for a token, the most negative float for padding. Of
 *     {@linkplain #withBias biased} scores [B, N, S, S]
 */
public record Tokens(int batch, int length, NDArray ids, NDArray typeIds, NDArray mask) {

    /** Copies a batch into the engine. */
    public static Tokens of(NDManager manager, Batch batch) {
        return of(manager, batch.rows(), batch.inputIds(), batch.tokenTypeIds(), batch.attentionMask());
    }

    /** Copies a padded batch, row-major [B, S], into the engine; 1 in {@code attentionMask} is a token, 0 padding. */
    public static Tokens of(NDManager manager, int batch, long[] inputIds, long[] tokenTypeIds, float[] attentionMask) {
        int length = inputIds.length / batch;
        float[] mask = new float[attentionMask.length];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = attentionMask[i] == 0f ? -Float.MAX_VALUE : 0f;
        }
        return new Tokens(
                batch,
                length,
                Tensors.longs(manager, inputIds, inputIds.length),
                Tensors.longs(manager, tokenTypeIds, tokenTypeIds.length),
                Tensors.floats(manager, mask, batch, 1, 1, length));
    }

    /** The same tokens with a bias [1, N, S, S] of their scores by head, query and key; its manager owns the sum. */
    public Tokens withBias(NDArray bias) {
        return new Tokens(batch, length, ids, typeIds, bias.add(mask));
    }

    /** The mask of the scores of each row's first token: [B, 1, S] or [B, N, S], owned by {@code manager}. */
    public NDArray maskOfFirst(NDManager manager) {
        NDArray ofFirst = mask.get(":, :, 0");
        ofFirst.attach(manager);
        return ofFirst;
    }

    /** [B·S, H] to [B, S, H]. */
    public NDArray byRow(NDArray x) {
        return x.reshape(new Shape(batch, length, -1));
    }

    /** Position ids 0..S-1 for each sequence, [B·S] int64. */
    public NDArray positions() {
        long[] positions = new long[batch * length];
        Arrays.setAll(positions, i -> i % length);
        return Tensors.longs(ids.getManager(), positions, positions.length);
    }

    /** Token type 0 for every token, [B·S] int64. */
    public NDArray zeros() {
        return Tensors.longs(ids.getManager(), new long[batch * length], (long) batch * length);
    }

    /**
     * Position ids as RoBERTa counts them: from {@code padTokenId} + 1 on in each sequence, and {@code padTokenId} for a
     * padding token, which is not counted. [B·S] int64.
     */
    public NDArray positionsAfter(int padTokenId) {
        long[] positions = ids.toLongArray();
        for (int row = 0; row < batch; row++) {
            long next = padTokenId;
            for (int i = row * length; i < (row + 1) * length; i++) {
                positions[i] = positions[i] == padTokenId ? padTokenId : ++next;
            }
        }
        return Tensors.longs(ids.getManager(), positions, positions.length);
    }
}
