package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/** Rotary positions of queries and keys side by side with values. A rotation's way back is the one by the opposite angles. */
final class RotaryFunction extends Function {

    private final Variable x;
    private final NDArray length;
    private final NDArray opposite;

    private RotaryFunction(Variable x, NDArray length, NDArray frequencies) {
        super(x.graph());
        this.x = x;
        this.length = length;
        this.opposite = keep(frequencies.neg());
    }

    static Variable apply(Variable x, int length, NDArray frequencies) {
        NDArray count = Script.number(length);
        NDArray y = turn(x.manager(), x.raw(), count, frequencies);
        return x.graph().result(y, x.precision(), () -> new RotaryFunction(x, count, frequencies), x);
    }

    private static NDArray turn(NDManager manager, NDArray x, NDArray length, NDArray frequencies) {
        return Script.call(manager, "rotary", x, length, frequencies);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(turn(graph().manager(), gradient, length, opposite));
    }
}
