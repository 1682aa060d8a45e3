package org.sparklora.worker.spark;

import java.io.Serializable;
import org.sparklora.worker.contract.Precision;

/**
 * The layout of a shard's cached activations: vectors of H numbers, row after row without padding, in chunks of whole vectors.
 * Immutable.
 */
final class ActivationLayout implements Serializable {

    private static final long serialVersionUID = 1L;

    /** Approximate size of a chunk in bytes. A small heap may not have room for larger arrays. */
    private static final int CHUNK = 1 << 23;

    private final String digest;
    private final Precision precision;
    private final CacheStorage storage;
    private final int hidden;
    private final int[] first;
    private final int chunkBytes;

    private ActivationLayout(
            String digest, Precision precision, CacheStorage storage, int hidden, int[] first, int chunkBytes) {
        this.chunkBytes = chunkBytes;
        this.digest = digest;
        this.precision = precision;
        this.storage = storage;
        this.hidden = hidden;
        this.first = first;
    }

    /**
     * Creates a layout.
     *
     * @param digest digest of everything that determines the values
     * @param hidden H
     * @param vectors number of vectors of each position of the shard
     */
    static ActivationLayout of(String digest, Precision precision, CacheStorage storage, int hidden, int[] vectors) {
        return of(digest, precision, storage, hidden, vectors, CHUNK);
    }

    /** Creates a layout with an approximate chunk size. */
    static ActivationLayout of(
            String digest, Precision precision, CacheStorage storage, int hidden, int[] vectors, int chunkBytes) {
        int[] first = new int[vectors.length + 1];
        for (int i = 0; i < vectors.length; i++) {
            first[i + 1] = Math.addExact(first[i], vectors[i]);
        }
        return new ActivationLayout(digest, precision, storage, hidden, first, chunkBytes);
    }

    String digest() {
        return digest;
    }

    Precision precision() {
        return precision;
    }

    CacheStorage storage() {
        return storage;
    }

    /** H. */
    int hidden() {
        return hidden;
    }

    /** Index of the first vector of a position. For the number of rows, the number of vectors. */
    int first(int position) {
        return first[position];
    }

    int vectorsPerChunk() {
        return Math.max(1, chunkBytes / vectorBytes());
    }

    int vectorBytes() {
        return hidden * precision.bytes();
    }

    int chunks() {
        return (vectors() + vectorsPerChunk() - 1) / vectorsPerChunk();
    }

    int chunkBytes(int chunk) {
        int before = chunk * vectorsPerChunk();
        return Math.min(vectorsPerChunk(), vectors() - before) * vectorBytes();
    }

    /** Size of all chunks in bytes. */
    long bytes() {
        return (long) vectors() * vectorBytes();
    }

    private int vectors() {
        return first[first.length - 1];
    }
}
