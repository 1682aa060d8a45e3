package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;

/** x + y. */
final class SumFunction extends Function {

    private final Variable x;
    private final Variable y;

    private SumFunction(Variable x, Variable y) {
        super(x.graph());
        this.x = x;
        this.y = y;
    }

    static Variable apply(Variable x, Variable y) {
        return x.graph().result(x.raw().add(y.raw()), x.precision(), () -> new SumFunction(x, y), x, y);
    }

    @Override
    void backward(NDArray gradient) {
        for (Variable operand : new Variable[] {x, y}) {
            if (operand.isTracked()) {
                operand.addGradient(graph().share(gradient));
            }
        }
    }
}
