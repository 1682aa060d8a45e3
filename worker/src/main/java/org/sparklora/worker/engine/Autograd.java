package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;

/**
 * Reverse-mode differentiation on the current thread. Any number of threads may record at once.
 *
 * <p>Call order: make {@linkplain #leaf leaves}; {@code try (Autograd recording = Autograd.record())} around the part
 * of the forward pass that needs gradients; {@link #backward} on the scalar loss, inside; {@link #addGradient} of each
 * leaf. Leaves are made afresh for each pass, so nothing needs zeroing.
 */
public final class Autograd implements AutoCloseable {

    private Autograd() {
        JniUtils.setGradMode(true);
    }

    /** Starts recording on this thread, until closed. */
    public static Autograd record() {
        return new Autograd();
    }

    /** A trainable float32 array of a shape with these values, row-major; owned by {@code manager}. */
    public static NDArray leaf(NDManager manager, float[] values, java.util.List<Integer> shape) {
        NDArray leaf = Tensors.floats(manager, values, shape);
        leaf.setRequiresGradient(true);
        return leaf;
    }

    /** Runs backward from a loss of one value; the graph is freed. */
    public void backward(NDArray loss) {
        try (NDArray one = Tensors.floats(loss.getManager(), new float[] {1f})) {
            JniUtils.backward((PtNDArray) loss, (PtNDArray) one, false, false);
        }
    }

    /**
     * Adds the gradient of a leaf, row-major, to as many values of {@code target} from {@code offset} on; a leaf that
     * the loss never used adds 0.
     */
    public static void addGradient(NDArray leaf, float[] target, int offset) {
        try (NDArray gradient = JniUtils.getGradient((PtNDArray) leaf)) {
            if (gradient == null) {
                return;
            }
            float[] values = Tensors.toFloats(gradient);
            for (int i = 0; i < values.length; i++) {
                target[offset + i] += values[i];
            }
        }
    }

    @Override
    public void close() {
        JniUtils.setGradMode(false);
    }
}
