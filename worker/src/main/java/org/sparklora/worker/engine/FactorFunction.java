package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;

/** x · factor, element by element: a dropout mask, or a scaling. Keeps the factor. */
final class FactorFunction extends Function {

    private final Variable x;
    private final NDArray factor;

    private FactorFunction(Variable x, NDArray factor) {
        super(x.graph());
        this.x = x;
        this.factor = save(factor);
    }

    static Variable apply(Variable x, NDArray factor) {
        return x.graph().result(x.array().mul(factor), () -> new FactorFunction(x, factor), x);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(gradient.mul(factor));
    }
}
