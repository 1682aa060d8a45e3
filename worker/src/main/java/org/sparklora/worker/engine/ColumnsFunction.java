package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/** x ∘ f + other in float32: each column of x [M, N] times its factor of f [N], plus other [N] or [M, N]; null is 0. */
final class ColumnsFunction extends Function {

    private final Variable x;
    private final Variable factors;
    private final @Nullable Variable other;
    private final @Nullable NDArray input;
    private final @Nullable NDArray multiplied;

    /** Of other, whose array may be closed before backward. */
    private final boolean vector;

    private ColumnsFunction(Variable x, Variable factors, @Nullable Variable other) {
        super(x.graph());
        this.x = x;
        this.factors = factors;
        this.other = other;
        this.input = factors.isTracked() ? save(x.array()) : null;
        this.multiplied = x.isTracked() ? save(factors.array()) : null;
        this.vector = other != null && other.shape().size() == 1;
    }

    static Variable apply(Variable x, Variable factors, @Nullable Variable other) {
        NDArray y = x.array().mul(factors.array());
        if (other != null) {
            y.addi(other.array());
        }
        return x.graph().result(y, x.precision(), () -> new ColumnsFunction(x, factors, other), x, factors, other);
    }

    @Override
    void backward(NDArray gradient) {
        if (other != null && other.isTracked()) {
            other.addGradient(vector ? gradient.sum(new int[] {0}) : graph().share(gradient));
        }
        if (input != null) {
            try (NDArray products = gradient.mul(input)) {
                factors.addGradient(products.sum(new int[] {0}));
            }
        }
        if (multiplied != null) {
            x.addGradient(gradient.mul(multiplied));
        }
    }
}
