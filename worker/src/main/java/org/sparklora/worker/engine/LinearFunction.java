package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Precision;

/** y = x Wᵀ + b + other. Only the gradients that something needs are computed: for a frozen weight, that of x alone. */
final class LinearFunction extends Function {

    private final Variable x;
    private final Variable weight;
    private final @Nullable Variable bias;
    private final @Nullable Variable other;
    private final @Nullable NDArray input;
    private final @Nullable NDArray multiplied;

    private LinearFunction(Variable x, Variable weight, @Nullable Variable bias, @Nullable Variable other) {
        super(x.graph());
        this.x = x;
        this.weight = weight;
        this.bias = bias;
        this.other = other;
        this.input = weight.isTracked() ? save(x.raw()) : null;
        // A merged weight belongs to its layer, which ends before backward.
        this.multiplied = x.isTracked() ? save(weight.raw()) : null;
    }

    static Variable apply(Variable x, Variable weight, @Nullable Variable bias, @Nullable Variable other) {
        NDArray y = x.graph()
                .products()
                .linear(x.raw(), weight.raw(), bias == null ? null : bias.raw(), other == null ? null : other.raw());
        return x.graph()
                .result(y, x.precision(), () -> new LinearFunction(x, weight, bias, other), x, weight, bias, other);
    }

    @Override
    void backward(NDArray gradient) {
        if (other != null && other.isTracked()) {
            other.addGradient(graph().share(gradient));
        }
        if (bias != null && bias.isTracked()) {
            bias.addGradient(sumOfRows(gradient));
        }
        if (input != null) {
            weight.addGradient(ofWeight(gradient, input));
        }
        if (multiplied != null) {
            x.addProduct(gradient, multiplied);
        }
    }

    private NDArray sumOfRows(NDArray gradient) {
        return x.precision() == Precision.FLOAT32
                ? gradient.sum(new int[] {0})
                : Script.call(graph().manager(), "sum_of_rows", gradient);
    }

    /** A wide product, [few, many], is several times as fast as its transpose. */
    private NDArray ofWeight(NDArray gradient, NDArray read) {
        Products products = graph().products();
        boolean tall = weight.shape().get(0) > weight.shape().get(1);
        if (!tall) {
            return products.toWeight(graph().manager(), gradient, read);
        }
        try (NDArray transposed = products.toWeight(graph().manager(), read, gradient)) {
            return transposed.transpose();
        }
    }
}
