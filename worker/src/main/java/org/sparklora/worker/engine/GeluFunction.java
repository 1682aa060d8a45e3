package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;

/** GELU, with PyTorch's kernels. Keeps its input. */
final class GeluFunction extends Function {

    private final Variable x;
    private final String approximate;
    private final NDArray input;

    private GeluFunction(Variable x, String approximate) {
        super(x.graph());
        this.x = x;
        this.approximate = approximate;
        this.input = save(x.raw());
    }

    static Variable apply(Variable x, Gelu form) {
        NDArray y = Script.call(x.manager(), "gelu_" + form.approximate(), x.raw());
        return x.graph().result(y, x.precision(), () -> new GeluFunction(x, form.approximate()), x);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(Script.call(graph().manager(), "gelu_" + approximate + "_to_input", gradient, input));
    }
}
