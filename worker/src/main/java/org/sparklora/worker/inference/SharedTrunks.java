package org.sparklora.worker.inference;

import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.Batch;

/**
 * Trunk activations of the batches that this JVM scored last. Models that change the same layers of one base are often scored on the
 * same rows, as by a cross-validation; then the layers below are computed once. A batch is known by its tokens, which decide its bits.
 *
 * <p>Up to a number of bytes; the batch used longest ago goes first. Safe from any thread; two threads that miss the same batch at
 * once both compute it.
 */
final class SharedTrunks {

    /** About 10,000 texts of 16 tokens in 384 dimensions. */
    private static final long MAX_BYTES = 256L << 20;

    /** Those of all models of this JVM, in at most an eighth of its heap. */
    static final SharedTrunks OF_JVM =
            new SharedTrunks(Math.min(MAX_BYTES, Runtime.getRuntime().maxMemory() / 8));

    private final long maxBytes;

    /** In the order of their last use. */
    private final Map<Key, Activations> activations = new LinkedHashMap<>(16, 0.75f, true);

    private long bytes;
    private long found;

    SharedTrunks(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /**
     * What decides the activations.
     *
     * @param base identity of the base model
     * @param layerIndex of the layer that they enter
     * @param tokens of the batch, with their types and the mask
     */
    record Key(Object base, int layerIndex, ByteBuffer tokens) {

        static Key of(Object base, int layerIndex, Batch batch) {
            int size = batch.inputIds().length;
            ByteBuffer tokens = ByteBuffer.allocate(Integer.BYTES + size * (2 * Integer.BYTES + 1));
            tokens.putInt(batch.length());
            for (int i = 0; i < size; i++) {
                tokens.putInt((int) batch.inputIds()[i]);
                tokens.putInt((int) batch.tokenTypeIds()[i]);
                tokens.put((byte) batch.attentionMask()[i]);
            }
            return new Key(base, layerIndex, tokens.flip());
        }
    }

    /**
     * Activations [M, H].
     *
     * @param precision that they were computed in; float32 holds bfloat16 without loss
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Activations(float[] values, Precision precision) {}

    /** The activations of a batch, if they are here. Do not change them. */
    synchronized Optional<Activations> find(Key key) {
        Optional<Activations> there = Optional.ofNullable(activations.get(key));
        found += there.isPresent() ? 1 : 0;
        return there;
    }

    /** Keeps the activations of a batch. */
    synchronized void put(Key key, Activations computed) {
        if (activations.put(key, computed) == null) {
            bytes += bytes(key, computed);
        }
        Iterator<Map.Entry<Key, Activations>> oldest = activations.entrySet().iterator();
        while (bytes > maxBytes) {
            Map.Entry<Key, Activations> next = oldest.next();
            bytes -= bytes(next.getKey(), next.getValue());
            oldest.remove();
        }
    }

    /** Number of batches that were not computed again. */
    synchronized long found() {
        return found;
    }

    /** Bytes of what is kept. */
    synchronized long bytes() {
        return bytes;
    }

    private static long bytes(Key key, Activations of) {
        return key.tokens().capacity() + (long) Float.BYTES * of.values().length;
    }
}
