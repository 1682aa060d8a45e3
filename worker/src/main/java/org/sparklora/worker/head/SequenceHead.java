package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;

/** Hugging Face's BertForSequenceClassification: dropout, then one Linear named {@code classifier}. */
abstract sealed class SequenceHead implements TaskHead permits ClassificationHead, RegressionHead {

    private static final long serialVersionUID = 1L;

    static final String WEIGHT = "classifier.weight";
    static final String BIAS = "classifier.bias";

    @Override
    public final List<TensorSpec> tensors(int hiddenSize) {
        return List.of(
                new TensorSpec(BIAS, List.of(outputs())), new TensorSpec(WEIGHT, List.of(outputs(), hiddenSize)));
    }

    @Override
    public final NDArray logits(ForwardPass pass, NDArray pooled) {
        return Ops.linear(pass.dropHead(pooled, "classifier.dropout"), pass.weight(WEIGHT), pass.weight(BIAS));
    }

    /** Sum of all elements of {@code values} times {@code factors}, row-major. */
    static NDArray weightedSum(NDArray values, float[] factors) {
        return values.mul(Tensors.floats(
                        values.getManager(), factors, values.getShape().getShape()))
                .sum();
    }
}
