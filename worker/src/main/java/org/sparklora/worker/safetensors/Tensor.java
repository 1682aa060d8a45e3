package org.sparklora.worker.safetensors;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;

/** A float32 tensor: shape and values, row-major. Values are copied in and out; equality is by bits. */
public final class Tensor {

    private final List<Integer> shape;
    private final float[] values;

    /**
     * A tensor; values are copied.
     *
     * @throws IllegalArgumentException where a dimension is negative, or values are not as many as the shape has
     */
    public Tensor(List<Integer> shape, float[] values) {
        if (shape.stream().anyMatch(d -> d < 0)) {
            throw new IllegalArgumentException("a tensor of shape " + shape + " has a negative dimension");
        }
        if (size(shape) != values.length) {
            throw new IllegalArgumentException(
                    "a tensor of shape " + shape + " needs " + size(shape) + " values, but was given " + values.length);
        }
        this.shape = List.copyOf(shape);
        this.values = values.clone();
    }

    /** Number of values of a shape. */
    public static long size(List<Integer> shape) {
        return shape.stream().mapToLong(Integer::longValue).reduce(1, Math::multiplyExact);
    }

    /** Sizes of the dimensions, outermost first; empty for a scalar. */
    public List<Integer> shape() {
        return shape;
    }

    /** A copy of the values. */
    public float[] values() {
        return values.clone();
    }

    /** The values without a copy, read-only. */
    public FloatBuffer view() {
        return FloatBuffer.wrap(values).asReadOnlyBuffer();
    }

    /** Number of values. */
    public int size() {
        return values.length;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Tensor other && shape.equals(other.shape) && Arrays.equals(bits(), other.bits());
    }

    @Override
    public int hashCode() {
        return 31 * shape.hashCode() + Arrays.hashCode(values);
    }

    @Override
    public String toString() {
        return "Tensor" + shape;
    }

    // Arrays.equals would call two NaN of different payload equal, and files with different digests equal with them.
    private int[] bits() {
        int[] bits = new int[values.length];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
        return bits;
    }
}
