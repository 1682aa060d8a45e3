package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import org.jspecify.annotations.Nullable;

/** Fused ATen kernels that DJL's NDArray does not offer by name. The result belongs to the manager of {@code x}. */
public final class Ops {

    private Ops() {}

    /** x Wᵀ + b. x [M, in], weight [out, in], bias [out] or null; result [M, out]. */
    // DJL passes a null bias on to PyTorch, which takes it as "none"; its signature does not say so.
    @SuppressWarnings("NullAway")
    public static NDArray linear(NDArray x, NDArray weight, @Nullable NDArray bias) {
        return JniUtils.linear((PtNDArray) x, (PtNDArray) weight, (PtNDArray) bias);
    }

    /** sum + x · matrix, in one product. sum and result [M, out], x [M, in], matrix [in, out]. */
    public static NDArray addProduct(NDArray sum, NDArray x, NDArray matrix) {
        // PyTorch's linear adds its bias as addmm does, which takes a whole matrix for it, too.
        return JniUtils.linear((PtNDArray) x, (PtNDArray) matrix.transpose(1, 0), (PtNDArray) sum);
    }

    /** Layer normalisation over the last axis. x [M, H], weight [H], bias [H]. */
    public static NDArray layerNorm(NDArray x, NDArray weight, NDArray bias, double eps) {
        Shape last = new Shape(weight.size());
        return JniUtils.layerNorm((PtNDArray) x, last, (PtNDArray) weight, (PtNDArray) bias, eps);
    }

    /** GELU in its erf form, as Hugging Face's {@code gelu}, element by element. */
    public static NDArray gelu(NDArray x) {
        return JniUtils.gelu((PtNDArray) x);
    }

    /**
     * GELU in its tanh form, as Hugging Face's {@code gelu_new}, element by element. DJL passes no argument to PyTorch's kernel
     * that would choose this form, so it is composed.
     */
    public static NDArray geluTanh(NDArray x) {
        NDManager manager = x.getManager();
        NDArray cubic = x.mul(x).mul(x).mul(Tensors.constant(manager, 0.044715));
        NDArray tanh = x.add(cubic)
                .mul(Tensors.constant(manager, StrictMath.sqrt(2 / StrictMath.PI)))
                .tanh();
        return x.mul(tanh.add(Tensors.constant(manager, 1))).mul(Tensors.constant(manager, 0.5));
    }

    /** max(x, 0), element by element. */
    public static NDArray relu(NDArray x) {
        return JniUtils.relu((PtNDArray) x);
    }

    /** log(1 + eˣ), element by element; x itself above 20, as PyTorch's {@code softplus}. */
    public static NDArray softPlus(NDArray x) {
        return JniUtils.softPlus((PtNDArray) x);
    }

    /**
     * Scaled dot-product attention in one kernel: softmax(Q Kᵀ / √D + mask) V. Q, K, V and result [B, N, S, D], mask
     * [B, 1, 1, S], which is added to the scores and has no gradient.
     */
    public static NDArray attention(NDArray query, NDArray key, NDArray value, NDArray mask) {
        return FusedAttention.of(query, key, value, mask);
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

    /** Rows of a table. ids [M] int64, table [V, H]; result [M, H]. */
    public static NDArray embedding(NDArray ids, NDArray table) {
        return JniUtils.embedding((PtNDArray) ids, (PtNDArray) table, false);
    }
}
