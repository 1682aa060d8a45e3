package org.sparklora.worker.spark;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.data.HeapBytes;
import org.sparklora.worker.data.StoredBytes;
import org.sparklora.worker.data.TrunkActivations;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.HalfFloats;

/**
 * The trunk activations of every row of a shard: the hidden states below one layer, vectors of H numbers. Immutable and
 * thread-safe.
 *
 * <p>With {@link CacheStorage#MEMORY} the rows are on the heap. With {@link CacheStorage#DISK} they are in a {@link LocalFile},
 * and Spark stores only this handle: a step reads its own rows.
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record CachedActivations(CachePlan plan, long[] start, StoredBytes values) implements Serializable {

    /** Returns the activations of the rows at some positions. */
    TrunkActivations at(int[] positions) {
        return new TrunkActivations() {
            @Override
            public String digest() {
                return plan.digest();
            }

            @Override
            public void copy(int row, FloatBuffer target) {
                long from = start[positions[row]];
                ByteBuffer bytes = values.read(from, (int) (start[positions[row] + 1] - from))
                        .order(ByteOrder.LITTLE_ENDIAN);
                ShortBuffer halves = bytes.asShortBuffer();
                switch (plan.type()) {
                    case FLOAT32 -> target.put(bytes.asFloatBuffer());
                    case FLOAT16 -> {
                        while (halves.hasRemaining()) {
                            target.put(HalfFloats.fromF16(halves.get()));
                        }
                    }
                    case BFLOAT16 -> {
                        while (halves.hasRemaining()) {
                            target.put(HalfFloats.fromBf16(halves.get()));
                        }
                    }
                }
            }
        };
    }

    /** Collects the values of a shard's rows, in any order. */
    static final class Builder {

        private final CachePlan plan;
        private final int hidden;

        /** Where the bytes of each position begin; the last element is the number of all bytes. */
        private final long[] start;

        private final StoredBytes values;

        /**
         * Creates a builder.
         *
         * @param plan determines the type, and names the values by their digest
         * @param hidden H
         * @param vectors number of vectors of each position of the shard
         */
        Builder(CachePlan plan, CacheStorage storage, int hidden, int[] vectors) {
            this.plan = plan;
            this.hidden = hidden;
            this.start = new long[vectors.length + 1];
            for (int row = 0; row < vectors.length; row++) {
                start[row + 1] = start[row]
                        + Math.multiplyExact(vectors[row], hidden * plan.type().bytes());
            }
            long size = start[vectors.length];
            this.values = storage == CacheStorage.DISK ? LocalFile.ofCache(plan.digest(), size) : new HeapBytes(size);
        }

        /** Stores the vectors of the row at a position. */
        void put(int position, float[] vectors, int from, int count) {
            long expected =
                    (start[position + 1] - start[position]) / plan.type().bytes();
            if (count != expected) {
                throw new IllegalArgumentException("position " + position + ": " + count + " values, but it has "
                        + expected / hidden + " vectors of " + hidden);
            }
            ByteBuffer bytes = ByteBuffer.allocate(count * plan.type().bytes()).order(ByteOrder.LITTLE_ENDIAN);
            ShortBuffer halves = bytes.asShortBuffer();
            switch (plan.type()) {
                case FLOAT32 -> bytes.asFloatBuffer().put(vectors, from, count);
                case FLOAT16 -> {
                    for (int i = from; i < from + count; i++) {
                        halves.put(half(vectors[i]));
                    }
                }
                case BFLOAT16 -> {
                    for (int i = from; i < from + count; i++) {
                        halves.put(HalfFloats.toBf16(vectors[i]));
                    }
                }
            }
            values.write(start[position], bytes);
        }

        private static short half(float value) {
            short half = HalfFloats.toF16(value);
            if (Float.isFinite(value) && Float.isInfinite(HalfFloats.fromF16(half))) {
                throw new ModelException(
                        "model.float16",
                        "a hidden state of " + value + " does not fit float16, whose largest number is"
                                + " 65504: set execution.activation_cache_type: float32");
            }
            return half;
        }

        CachedActivations build() {
            return new CachedActivations(plan, start, values);
        }
    }
}
