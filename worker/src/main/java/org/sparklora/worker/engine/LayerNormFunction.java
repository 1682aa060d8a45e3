package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import org.jspecify.annotations.Nullable;

/** Layer normalisation, with PyTorch's kernels. Keeps its input, and mean and deviation of each row. */
final class LayerNormFunction extends Function {

    private final Variable x;
    private final Variable weight;
    private final @Nullable Variable bias;
    private final NDArray input;
    private final NDArray shift;
    private final NDArray mean;
    private final NDArray deviation;

    private LayerNormFunction(
            Variable x, Variable weight, @Nullable Variable bias, NDArray shift, NDArray mean, NDArray deviation) {
        super(x.graph());
        this.x = x;
        this.weight = weight;
        this.bias = bias;
        this.input = save(x.raw());
        this.shift = save(shift);
        this.mean = save(mean);
        this.deviation = save(deviation);
    }

    static Variable apply(Variable x, Variable weight, @Nullable Variable bias, double eps) {
        NDArray shift = bias == null ? x.manager().zeros(weight.array().getShape()) : bias.array();
        NDList results =
                Script.callForAll(x.manager(), "layer_norm", x.raw(), weight.array(), shift, Script.number(eps));
        return x.graph()
                .result(
                        results.get(0),
                        x.precision(),
                        () -> new LayerNormFunction(x, weight, bias, shift, results.get(1), results.get(2)),
                        x,
                        weight,
                        bias);
    }

    @Override
    void backward(NDArray gradient) {
        NDArray[] arguments = {gradient, input, mean, deviation, weight.array(), shift};
        if (weight.isTracked() || (bias != null && bias.isTracked())) {
            NDList ofParameters = Script.callForAll(graph().manager(), "layer_norm_to_parameters", arguments);
            give(weight, ofParameters.get(0));
            give(bias, ofParameters.get(1));
        }
        if (x.isTracked()) {
            x.addGradient(Script.call(graph().manager(), "layer_norm_to_input", arguments));
        }
    }
}
