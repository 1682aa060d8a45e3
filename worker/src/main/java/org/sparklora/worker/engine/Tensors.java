package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Values in and out of PyTorch's memory.
 *
 * <p>Each array is a copy in memory that PyTorch allocated. That memory is 64-byte aligned, because kernels may round
 * differently for another alignment, and autograd counts references to it, so an array may be closed early. Values pass
 * through one direct buffer per thread, which is reused: a long run allocates no Java direct memory in its steps. Java never
 * frees it before the thread ends, so the weights of a model pass through it in parts.
 */
public final class Tensors {

    private static final int ALIGNMENT = 64;

    /** Values that pass through the buffer at a time; what one step computes with may be larger. */
    private static final int PART = 1 << 20;

    /** Per thread, because filling and copying must not interleave; holds no value between calls. */
    private static final ThreadLocal<ByteBuffer> STAGING = ThreadLocal.withInitial(() -> direct(1 << 16));

    private Tensors() {}

    /** Fills {@code target}, whose limit is the number of elements. */
    @FunctionalInterface
    public interface FloatFiller {
        void fill(java.nio.FloatBuffer target);
    }

    /** A float32 array with these values, row-major; owned by {@code manager}. */
    public static NDArray floats(NDManager manager, float[] values, long... shape) {
        return floats(manager, values.length, target -> target.put(values), shape);
    }

    /** A float32 array that gets its values part by part, in their order. */
    public static final class Filling {

        private final NDManager manager;
        private final Shape shape;
        private @Nullable NDArray flat;
        private long filled;

        /** An array that is owned by {@code manager}. It takes memory when the first values come. */
        public Filling(NDManager manager, List<Integer> shape) {
            this.manager = manager;
            this.shape = new Shape(dimensions(shape));
        }

        /** Adds the first {@code count} values of an array. */
        public void put(float[] values, int count) {
            NDArray whole = memory();
            for (int done = 0; done < count; done += PART) {
                int part = Math.min(PART, count - done);
                ByteBuffer staging = staging(part * (long) Float.BYTES);
                staging.asFloatBuffer().put(values, done, part);
                try (NDArray wrapped = manager.create(staging, new Shape(part), DataType.FLOAT32)) {
                    JniUtils.indexSet(
                            (PtNDArray) whole,
                            (PtNDArray) wrapped,
                            new long[] {filled},
                            new long[] {filled + part},
                            new long[] {1});
                }
                filled += part;
            }
        }

        /** The array, row-major; nothing can be added afterwards. */
        public NDArray array() {
            if (filled != shape.size()) {
                throw new IllegalStateException("an array of shape " + shape + " was given " + filled + " values");
            }
            try (NDArray whole = memory()) {
                return whole.reshape(shape);
            }
        }

        private NDArray memory() {
            if (flat == null) {
                flat = manager.create(new Shape(shape.size()), DataType.FLOAT32);
            }
            return flat;
        }
    }

    /** Same, with the shape as a list. */
    public static NDArray floats(NDManager manager, float[] values, List<Integer> shape) {
        return floats(manager, values, dimensions(shape));
    }

    /** A float32 array of {@code size} values that {@code filler} writes, row-major. */
    public static NDArray floats(NDManager manager, int size, FloatFiller filler, long... shape) {
        ByteBuffer staging = staging(size * (long) Float.BYTES);
        filler.fill(staging.asFloatBuffer());
        return copy(manager, staging, DataType.FLOAT32, shape);
    }

    /** An int64 array with these values, row-major; owned by {@code manager}. */
    public static NDArray longs(NDManager manager, long[] values, long... shape) {
        ByteBuffer staging = staging(values.length * (long) Long.BYTES);
        staging.asLongBuffer().put(values);
        return copy(manager, staging, DataType.INT64, shape);
    }

    /**
     * A float32 array over little-endian memory, such as a mapped file, without a copy. The memory must outlive the array and
     * never change.
     */
    public static NDArray wrap(NDManager manager, ByteBuffer memory, List<Integer> shape) {
        return manager.create(memory, new Shape(dimensions(shape)), DataType.FLOAT32);
    }

    /** A constant of shape [1], to multiply or divide by. The engine's overloads that take a Number are not safe. */
    public static NDArray constant(NDManager manager, double value) {
        return floats(manager, new float[] {(float) value}, 1);
    }

    /** The shape of an array. */
    public static List<Integer> shape(NDArray array) {
        return java.util.Arrays.stream(array.getShape().getShape())
                .mapToObj(Math::toIntExact)
                .toList();
    }

    /** A copy of the values of a float32 array, row-major, whatever its shape. */
    public static float[] toFloats(NDArray array) {
        return array.toFloatArray();
    }

    private static long[] dimensions(List<Integer> shape) {
        return shape.stream().mapToLong(Integer::longValue).toArray();
    }

    private static NDArray copy(NDManager manager, ByteBuffer staging, DataType type, long... shape) {
        try (NDArray wrapped = manager.create(staging, new Shape(shape), type)) {
            return wrapped.duplicate();
        }
    }

    private static ByteBuffer staging(long bytes) {
        ByteBuffer buffer = STAGING.get();
        if (buffer.capacity() < bytes) {
            buffer = direct(Math.toIntExact(Math.min(Integer.MAX_VALUE - ALIGNMENT, Long.highestOneBit(bytes) * 2)));
            STAGING.set(buffer);
        }
        // A slice: the engine takes the address of the buffer object, and its size from the shape.
        return buffer.slice(0, Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes + ALIGNMENT).alignedSlice(ALIGNMENT);
    }
}
