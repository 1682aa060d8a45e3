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
        this.input = save(x.array());
    }

    static Variable apply(Variable x, Gelu form) {
        NDArray y = Script.call(x.array().getManager(), "gelu_" + form.approximate(), x.array());
        return x.graph().result(y, () -> new GeluFunction(x, form.approximate()), x);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(Script.call(graph().manager(), "gelu_" + approximate + "_to_input", gradient, input));
    }
}
