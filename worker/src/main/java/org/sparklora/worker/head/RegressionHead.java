package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.engine.Tensors;

/** Regression: one number, with mean squared error. */
public record RegressionHead() implements TaskHead {

    @Override
    public int outputs() {
        return 1;
    }

    @Override
    public NDArray lossSum(NDArray logits, float[] labels, float[] weights, LossSettings loss) {
        NDArray difference = logits.sub(Tensors.floats(logits.getManager(), labels, labels.length, 1));
        return Losses.weightedSum(difference.mul(difference), weights);
    }

    @Override
    public double loss(float[] logits, float[] labels) {
        double difference = (double) logits[0] - labels[0];
        return difference * difference;
    }
}
