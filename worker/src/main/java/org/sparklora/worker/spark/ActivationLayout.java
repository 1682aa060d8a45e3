package org.sparklora.worker.spark;

import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import org.sparklora.worker.contract.Precision;

/**
 * Where each value of a shard's kept activations lies: vectors of H numbers, row after row without padding, cut into chunks
 * of whole vectors. Immutable.
 */
final class ActivationLayout {

    /** Bytes of a chunk, about: a small heap has no room for large arrays in one piece. */
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
     * A layout.
     *
     * @param digest of everything that the values come from
     * @param hidden H
     * @param vectors of each position of the shard
     */
    static ActivationLayout of(String digest, Precision precision, CacheStorage storage, int hidden, int[] vectors) {
        return of(digest, precision, storage, hidden, vectors, CHUNK);
    }

    /**
     * @param chunkBytes of a chunk, about
     */
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

    /** Index of a position's first vector; with the number of rows, that of all vectors. */
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

    /** Bytes of all chunks. */
    long bytes() {
        return (long) vectors() * vectorBytes();
    }

    private int vectors() {
        return first[first.length - 1];
    }

    void write(ObjectOutput out) throws IOException {
        out.writeUTF(digest);
        out.writeUTF(precision.name());
        out.writeUTF(storage.name());
        out.writeInt(hidden);
        out.writeInt(chunkBytes);
        out.writeInt(first.length);
        for (int vector : first) {
            out.writeInt(vector);
        }
    }

    static ActivationLayout read(ObjectInput in) throws IOException {
        String digest = in.readUTF();
        Precision precision = Precision.valueOf(in.readUTF());
        CacheStorage storage = CacheStorage.valueOf(in.readUTF());
        int hidden = in.readInt();
        int chunkBytes = in.readInt();
        int[] first = new int[in.readInt()];
        for (int i = 0; i < first.length; i++) {
            first[i] = in.readInt();
        }
        return new ActivationLayout(digest, precision, storage, hidden, first, chunkBytes);
    }
}
