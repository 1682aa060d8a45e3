package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Kernel;

/** The matrix products of a Linear and of its gradients, by one library. Shapes: x [M, in], weight [out, in], y [M, out]. */
interface Products {

    /** The products of a library. */
    static Products of(Kernel kernel) {
        return kernel == Kernel.ONEDNN ? new OneDnn() : new Mkl();
    }

    /** x Wᵀ + bias + other; owned by the manager of x. bias [out], other [M, out]; null is 0. */
    NDArray linear(NDArray x, NDArray weight, @Nullable NDArray bias, @Nullable NDArray other);

    /** GELU(x Wᵀ + bias) in one call, or null if the library has none. */
    @Nullable
    NDArray linearWithGelu(NDArray x, NDArray weight, NDArray bias, String approximate);

    /** gradient W + other, where the gradient is that of y; owned by {@code manager}. other [M, in]; null is 0. */
    NDArray toInput(NDManager manager, NDArray gradient, NDArray weight, @Nullable NDArray other);

    /** gradientᵀ x, where the gradient is that of y; owned by {@code manager}. */
    NDArray toWeight(NDManager manager, NDArray gradient, NDArray x);

    /** oneDNN: AVX-512 where the processor has it. Without packing of weights, which gained 0 to 8 %. */
    record OneDnn() implements Products {

        @Override
        public NDArray linear(NDArray x, NDArray weight, @Nullable NDArray bias, @Nullable NDArray other) {
            NDManager manager = x.getManager();
            if (bias == null) {
                return other == null
                        ? Script.call(manager, "product", x, weight)
                        : Script.call(manager, "product_plus", x, weight, other);
            }
            return other == null
                    ? Script.call(manager, "linear", x, weight, bias)
                    : Script.call(manager, "linear_plus", x, weight, bias, other);
        }

        @Override
        public NDArray linearWithGelu(NDArray x, NDArray weight, NDArray bias, String approximate) {
            return Script.call(x.getManager(), "linear_gelu_" + approximate, x, weight, bias);
        }

        @Override
        public NDArray toInput(NDManager manager, NDArray gradient, NDArray weight, @Nullable NDArray other) {
            return other == null
                    ? Script.call(manager, "to_input", gradient, weight)
                    : Script.call(manager, "to_input_plus", gradient, weight, other);
        }

        @Override
        public NDArray toWeight(NDManager manager, NDArray gradient, NDArray x) {
            return Script.call(manager, "to_weight", gradient, x);
        }
    }

    /** What PyTorch itself takes for float32. */
    record Mkl() implements Products {

        // DJL passes a null bias on to PyTorch, which takes it as "none"; its signature does not say so.
        @SuppressWarnings("NullAway")
        @Override
        public NDArray linear(NDArray x, NDArray weight, @Nullable NDArray bias, @Nullable NDArray other) {
            if (bias == null && other != null) {
                // PyTorch's linear adds its bias as addmm does, which takes a whole matrix for it, too.
                return JniUtils.linear((PtNDArray) x, (PtNDArray) weight, (PtNDArray) other);
            }
            NDArray y = JniUtils.linear((PtNDArray) x, (PtNDArray) weight, (PtNDArray) bias);
            return other == null ? y : y.addi(other);
        }

        @Override
        public @Nullable NDArray linearWithGelu(NDArray x, NDArray weight, NDArray bias, String approximate) {
            return null;
        }

        @Override
        public NDArray toInput(NDManager manager, NDArray gradient, NDArray weight, @Nullable NDArray other) {
            NDArray product = gradient.matMul(weight);
            product.attach(manager);
            return other == null ? product : product.addi(other);
        }

        @Override
        public NDArray toWeight(NDManager manager, NDArray gradient, NDArray x) {
            try (NDArray transposed = gradient.transpose()) {
                NDArray product = transposed.matMul(x);
                product.attach(manager);
                return product;
            }
        }
    }
}
