package org.sparklora.worker.spark;

import java.io.Externalizable;
import java.io.IOException;
import java.io.InvalidObjectException;
import java.io.ObjectInput;
import java.io.ObjectInputStream;
import java.io.ObjectOutput;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.TrunkActivations;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.HalfFloats;

/**
 * The trunk activations of every row of a shard: the hidden states below one layer, vectors of H numbers, packed without
 * padding. Immutable and thread-safe.
 *
 * <p>With {@link CacheStorage#MEMORY} they are a few large arrays. With {@link CacheStorage#DISK} they are a memory-mapped
 * file, and Spark stores only this handle: a step reads the pages of its own rows. The file is deleted once it is open, so the
 * operating system frees it with the last handle, also when the process is killed. Java serialization of a handle includes its
 * values.
 */
final class CachedActivations implements Serializable {

    private static final long serialVersionUID = 1L;

    private final ActivationLayout layout;
    private final List<ByteBuffer> chunks;

    private CachedActivations(ActivationLayout layout, List<ByteBuffer> chunks) {
        this.layout = layout;
        this.chunks = chunks;
    }

    /** Returns the activations of the rows at some positions. */
    TrunkActivations at(int[] positions) {
        return new TrunkActivations() {
            @Override
            public String digest() {
                return layout.digest();
            }

            @Override
            public void copy(int row, FloatBuffer target) {
                CachedActivations.this.copy(positions[row], target);
            }
        };
    }

    private void copy(int position, FloatBuffer target) {
        int end = layout.first(position + 1);
        int vector = layout.first(position);
        while (vector < end) {
            int within = vector % layout.vectorsPerChunk();
            int count = Math.min(layout.vectorsPerChunk() - within, end - vector);
            ByteBuffer part = chunks.get(vector / layout.vectorsPerChunk())
                    .slice(within * layout.vectorBytes(), count * layout.vectorBytes())
                    .order(ByteOrder.LITTLE_ENDIAN);
            if (layout.precision() == Precision.FLOAT32) {
                target.put(part.asFloatBuffer());
            } else {
                ShortBuffer halves = part.asShortBuffer();
                while (halves.hasRemaining()) {
                    target.put(HalfFloats.fromF16(halves.get()));
                }
            }
            vector += count;
        }
    }

    /** Collects the values of a shard's rows, in any order. */
    static final class Builder implements AutoCloseable {

        private final ActivationLayout layout;
        private final ActivationBuffers buffers;

        Builder(ActivationLayout layout) {
            this.layout = layout;
            this.buffers = ActivationBuffers.of(layout);
        }

        /** Stores the vectors of the row at a position. */
        void put(int position, float[] values, int from, int count) {
            int vector = layout.first(position);
            if (count != (layout.first(position + 1) - vector) * layout.hidden()) {
                throw new IllegalArgumentException("position " + position + ": " + count + " values, but it has "
                        + (layout.first(position + 1) - vector) + " vectors of " + layout.hidden());
            }
            ByteBuffer bytes =
                    ByteBuffer.allocate(count * layout.precision().bytes()).order(ByteOrder.LITTLE_ENDIAN);
            if (layout.precision() == Precision.FLOAT32) {
                bytes.asFloatBuffer().put(values, from, count);
            } else {
                for (int i = from; i < from + count; i++) {
                    bytes.putShort(half(values[i]));
                }
                bytes.rewind();
            }
            // A row may span two chunks.
            while (bytes.hasRemaining()) {
                int within = vector % layout.vectorsPerChunk();
                int fits = Math.min(bytes.remaining(), (layout.vectorsPerChunk() - within) * layout.vectorBytes());
                buffers.write(
                        vector / layout.vectorsPerChunk(),
                        within * layout.vectorBytes(),
                        bytes.slice(bytes.position(), fits));
                bytes.position(bytes.position() + fits);
                vector += fits / layout.vectorBytes();
            }
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
            return new CachedActivations(layout, buffers.chunks());
        }

        @Override
        public void close() {
            buffers.close();
        }
    }

    private Object writeReplace() {
        return new Packed(this);
    }

    private void readObject(ObjectInputStream in) throws InvalidObjectException {
        throw new InvalidObjectException("cached activations are serialized in their packed form only");
    }

    /** The serialized form. */
    public static final class Packed implements Externalizable {

        private static final long serialVersionUID = 1L;

        private static final int BUFFER = 1 << 16;

        private @Nullable CachedActivations cached;

        /** For deserialization. */
        public Packed() {}

        Packed(CachedActivations cached) {
            this.cached = cached;
        }

        @Override
        public void writeExternal(ObjectOutput out) throws IOException {
            CachedActivations all = Objects.requireNonNull(cached);
            out.writeObject(all.layout);
            byte[] buffer = new byte[BUFFER];
            for (ByteBuffer chunk : all.chunks) {
                ByteBuffer rest = chunk.duplicate().rewind();
                while (rest.hasRemaining()) {
                    int count = Math.min(buffer.length, rest.remaining());
                    rest.get(buffer, 0, count);
                    out.write(buffer, 0, count);
                }
            }
        }

        @Override
        public void readExternal(ObjectInput in) throws IOException, ClassNotFoundException {
            ActivationLayout layout = (ActivationLayout) in.readObject();
            byte[] buffer = new byte[BUFFER];
            try (ActivationBuffers buffers = ActivationBuffers.of(layout)) {
                for (int chunk = 0; chunk < layout.chunks(); chunk++) {
                    for (int at = 0; at < layout.chunkBytes(chunk); ) {
                        int count = Math.min(buffer.length, layout.chunkBytes(chunk) - at);
                        in.readFully(buffer, 0, count);
                        buffers.write(chunk, at, ByteBuffer.wrap(buffer, 0, count));
                        at += count;
                    }
                }
                cached = new CachedActivations(layout, buffers.chunks());
            }
        }

        private Object readResolve() {
            return Objects.requireNonNull(cached);
        }
    }
}
