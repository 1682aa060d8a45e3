package org.sparklora.worker.spark;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.data.TrunkActivations;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.HalfFloats;

/**
 * The trunk activations of every row of a shard: the hidden states below one layer, vectors of H numbers. Immutable and
 * thread-safe.
 *
 * <p>With {@link CacheStorage#MEMORY} each row is an array. With {@link CacheStorage#DISK} the rows are in a memory-mapped file,
 * and Spark stores only this handle: a step reads the pages of its own rows. The file is deleted once it is open, so the
 * operating system frees it with the last handle, also when the process is killed. Java serialization of a handle includes its
 * values.
 */
final class CachedActivations implements Serializable {

    private static final long serialVersionUID = 1L;

    private final CachePlan plan;
    private final CacheStorage storage;

    /** The values of each position of the shard, little-endian. */
    private transient List<ByteBuffer> rows;

    private CachedActivations(CachePlan plan, CacheStorage storage, List<ByteBuffer> rows) {
        this.plan = plan;
        this.storage = storage;
        this.rows = rows;
    }

    /** Returns the activations of the rows at some positions. */
    TrunkActivations at(int[] positions) {
        return new TrunkActivations() {
            @Override
            public String digest() {
                return plan.digest();
            }

            @Override
            public void copy(int row, FloatBuffer target) {
                ByteBuffer values = rows.get(positions[row]).duplicate().order(ByteOrder.LITTLE_ENDIAN);
                ShortBuffer halves = values.asShortBuffer();
                switch (plan.type()) {
                    case FLOAT32 -> target.put(values.asFloatBuffer());
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
    static final class Builder implements AutoCloseable {

        private final CachePlan plan;
        private final CacheStorage storage;
        private final int hidden;
        private final int[] vectors;
        private final Rows rows;

        /**
         * Creates a builder.
         *
         * @param plan determines the type, and names the values by their digest
         * @param hidden H
         * @param vectors number of vectors of each position of the shard
         */
        Builder(CachePlan plan, CacheStorage storage, int hidden, int[] vectors) {
            this.plan = plan;
            this.storage = storage;
            this.hidden = hidden;
            this.vectors = vectors;
            int vectorBytes = hidden * plan.type().bytes();
            this.rows = new Rows(
                    storage,
                    Arrays.stream(vectors)
                            .map(n -> Math.multiplyExact(n, vectorBytes))
                            .toArray());
        }

        /** Stores the vectors of the row at a position. */
        void put(int position, float[] values, int from, int count) {
            if (count != vectors[position] * hidden) {
                throw new IllegalArgumentException("position " + position + ": " + count + " values, but it has "
                        + vectors[position] + " vectors of " + hidden);
            }
            ByteBuffer bytes = ByteBuffer.allocate(count * plan.type().bytes()).order(ByteOrder.LITTLE_ENDIAN);
            ShortBuffer halves = bytes.asShortBuffer();
            switch (plan.type()) {
                case FLOAT32 -> bytes.asFloatBuffer().put(values, from, count);
                case FLOAT16 -> {
                    for (int i = from; i < from + count; i++) {
                        halves.put(half(values[i]));
                    }
                }
                case BFLOAT16 -> {
                    for (int i = from; i < from + count; i++) {
                        halves.put(HalfFloats.toBf16(values[i]));
                    }
                }
            }
            rows.put(position, bytes);
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
            return new CachedActivations(plan, storage, rows.all());
        }

        @Override
        public void close() {
            rows.close();
        }
    }

    /** Stores rows of known sizes on the heap or in a file. */
    private static final class Rows implements AutoCloseable {

        private final ByteBuffer[] onHeap;
        private final @Nullable ActivationFile file;

        Rows(CacheStorage storage, int[] sizes) {
            long[] start = new long[sizes.length + 1];
            for (int row = 0; row < sizes.length; row++) {
                start[row + 1] = start[row] + sizes[row];
            }
            this.onHeap = new ByteBuffer[sizes.length];
            this.file = storage == CacheStorage.DISK ? ActivationFile.temporary(start) : null;
        }

        void put(int row, ByteBuffer bytes) {
            if (file == null) {
                onHeap[row] = bytes;
            } else {
                file.write(row, bytes);
            }
        }

        List<ByteBuffer> all() {
            return file == null ? Arrays.asList(onHeap) : file.map();
        }

        @Override
        public void close() {
            if (file != null) {
                file.close();
            }
        }
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
        out.defaultWriteObject();
        out.writeObject(rows.stream().mapToInt(ByteBuffer::capacity).toArray());
        for (ByteBuffer row : rows) {
            byte[] bytes = new byte[row.capacity()];
            row.get(0, bytes);
            out.write(bytes);
        }
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
        in.defaultReadObject();
        int[] sizes = (int[]) in.readObject();
        try (Rows read = new Rows(storage, sizes)) {
            for (int row = 0; row < sizes.length; row++) {
                byte[] bytes = new byte[sizes[row]];
                in.readFully(bytes);
                read.put(row, ByteBuffer.wrap(bytes));
            }
            rows = read.all();
        }
    }
}
