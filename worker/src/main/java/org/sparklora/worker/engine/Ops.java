package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import org.jspecify.annotations.Nullable;

/**
 * ATen kernels that DJL's NDArray does not offer by name, for {@linkplain Variable#traced traced} pieces and single values. The
 * result belongs to the manager of {@code x}.
 */
public final class Ops {

    private Ops() {}

    /** x Wᵀ + b. x [M, in], weight [out, in], bias [out] or null; result [M, out]. */
    // DJL passes a null bias on to PyTorch, which takes it as "none"; its signature does not say so.
    @SuppressWarnings("NullAway")
    public static NDArray linear(NDArray x, NDArray weight, @Nullable NDArray bias) {
        return JniUtils.linear((PtNDArray) x, (PtNDArray) weight, (PtNDArray) bias);
    }

    /** max(x, 0), element by element. */
    public static NDArray relu(NDArray x) {
        return JniUtils.relu((PtNDArray) x);
    }

    /** x Φ(x) with the error function, element by element. */
    public static NDArray gelu(NDArray x) {
        return JniUtils.gelu((PtNDArray) x);
    }

    /** log(1 + eˣ), element by element; x itself above 20, as PyTorch's {@code softplus}. */
    public static NDArray softPlus(NDArray x) {
        return JniUtils.softPlus((PtNDArray) x);
    }

    /** Softmax over the last axis, any shape, in float32. */
    public static NDArray softmax(NDArray x) {
        return JniUtils.softmax((PtNDArray) x, -1, DataType.FLOAT32);
    }

    /** Log-softmax over the last axis, any shape, in float32. */
    public static NDArray logSoftmax(NDArray x) {
        return JniUtils.logSoftmax((PtNDArray) x, -1, DataType.FLOAT32);
    }

    /** 1 − p of probabilities, element by element; at least 1e-12, so that powers of it have a finite gradient. */
    public static NDArray complement(NDArray p) {
        NDManager manager = p.getManager();
        return Tensors.constant(manager, 1).sub(p).maximum(Tensors.constant(manager, 1e-12));
    }

    /** xᵉ for x above 0, element by element. */
    public static NDArray power(NDArray x, double exponent) {
        return x.pow(Tensors.constant(x.getManager(), exponent));
    }
}
