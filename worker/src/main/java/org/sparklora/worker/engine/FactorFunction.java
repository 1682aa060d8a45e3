package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.sparklora.worker.contract.Precision;

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
        NDArray y = product(x.manager(), x, x.raw(), factor);
        return x.graph().result(y, x.precision(), () -> new FactorFunction(x, factor), x);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(product(graph().manager(), x, gradient, factor));
    }

    /** The factor is float32, and so would be the product. */
    private static NDArray product(NDManager manager, Variable x, NDArray values, NDArray factor) {
        return x.precision() == Precision.FLOAT32
                ? values.mul(factor)
                : Script.call(manager, "times_in_bfloat16", values, factor);
    }
}
