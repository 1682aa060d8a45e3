package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.HeadInput;

/**
 * Token classification: one label out of C for each token, as in Hugging Face's *ForTokenClassification. The loss is cross
 * entropy, averaged over all tokens of the global batch whose label is not {@link Example#IGNORED}. The weight of an
 * example is the weight of each of its tokens.
 *
 * @param outputs C
 */
public record TokenClassificationHead(int outputs) implements TaskHead {

    /** @throws IllegalArgumentException for fewer than two labels */
    public TokenClassificationHead {
        if (outputs < 2) {
            throw new IllegalArgumentException("token classification needs at least 2 labels, but there is " + outputs);
        }
    }

    @Override
    public TaskHead withOutputs(int other) {
        return new TokenClassificationHead(other);
    }

    @Override
    public HeadInput headInput() {
        return HeadInput.EVERY_TOKEN;
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
        double sum = 0;
        for (int i = 0; i < labels.length; i++) {
            sum += labels[i] == Example.IGNORED
                    ? 0
                    : Logits.crossEntropy(logits, i * outputs, outputs, (int) labels[i]);
        }
        return sum;
    }
}
