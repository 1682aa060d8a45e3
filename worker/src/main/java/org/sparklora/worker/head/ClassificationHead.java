package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.contract.LossSettings;

/**
 * Classification: one label out of C, with cross entropy.
 *
 * @param outputs C
 */
public record ClassificationHead(int outputs) implements TaskHead {

    /** @throws IllegalArgumentException for fewer than two labels */
    public ClassificationHead {
        if (outputs < 2) {
            throw new IllegalArgumentException("classification needs at least 2 labels, but there is " + outputs);
        }
    }

    @Override
    public TaskHead withOutputs(int other) {
        return new ClassificationHead(other);
    }

    @Override
    public NDArray lossSum(NDArray logits, float[] labels, float[] weights, LossSettings loss) {
        return Losses.crossEntropy(logits, labels, weights, loss);
    }

    @Override
    public double weight(float[] labels, float[] weights, LossSettings loss) {
        return Losses.weight(labels, weights, loss);
    }

    @Override
    public double loss(float[] logits, float[] labels) {
        return Logits.crossEntropy(logits, 0, outputs, (int) labels[0]);
    }
}
