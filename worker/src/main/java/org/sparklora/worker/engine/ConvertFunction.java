package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import java.util.Locale;
import org.sparklora.worker.contract.Precision;

/** Rounds to bfloat16, to nearest even, or widens to float32; so does backward with the gradient. */
final class ConvertFunction extends Function {

    private final Variable x;

    private ConvertFunction(Variable x) {
        super(x.graph());
        this.x = x;
    }

    static Variable apply(Variable x, Precision precision) {
        NDArray y = Script.call(x.manager(), "to_" + precision.name().toLowerCase(Locale.ROOT), x.raw());
        return x.graph().result(y, precision, () -> new ConvertFunction(x), x);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(
                Script.call(graph().manager(), "to_" + x.precision().name().toLowerCase(Locale.ROOT), gradient));
    }
}
