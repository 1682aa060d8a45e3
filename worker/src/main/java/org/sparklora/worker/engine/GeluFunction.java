package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;

/** GELU, plain or gated, with PyTorch's kernels. Keeps its input. */
final class GeluFunction extends Function {

    private final Variable x;
    private final String method;
    private final NDArray input;

    private GeluFunction(Variable x, String method) {
        super(x.graph());
        this.x = x;
        this.method = method;
        this.input = save(x.raw());
    }

    static Variable apply(Variable x, Gelu form, boolean gated) {
        String method = (gated ? "gated_gelu_" : "gelu_") + form.approximate();
        NDArray y = Script.call(x.manager(), method, x.raw());
        return x.graph().result(y, x.precision(), () -> new GeluFunction(x, method), x);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(Script.call(graph().manager(), method + "_to_input", gradient, input));
    }
}
