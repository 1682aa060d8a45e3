package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;

/** Losses that several heads share. */
final class Losses {

    private Losses() {}

    /** Sum of all elements of {@code values} times {@code factors}, row-major. */
    static NDArray weightedSum(NDArray values, float[] factors) {
        return values.mul(Tensors.floats(
                        values.getManager(), factors, values.getShape().getShape()))
                .sum();
    }

    /**
     * −Σ wᵢ Σ_c v_c tᵢ_c log pᵢ_c with class weights v and tᵢ = (1 − ε) onehot + ε / C, as in PyTorch's CrossEntropyLoss and
     * transformers' LabelSmoother. With γ each term has the factor (1 − pᵢ_c)^γ. Rows labelled {@link Example#IGNORED} do not
     * count.
     *
     * @param logits [M, C]
     * @param weights of B examples; an example has M / B consecutive rows
     */
    static NDArray crossEntropy(NDArray logits, float[] labels, float[] weights, LossSettings loss) {
        int classes = Math.toIntExact(logits.getShape().get(1));
        int rows = labels.length / weights.length;
        float[] targets = new float[labels.length * classes];
        float everywhere = (float) (loss.labelSmoothing() / classes);
        float atLabel = (float) (1.0 - loss.labelSmoothing());
        for (int i = 0; i < labels.length; i++) {
            float weight = labels[i] == Example.IGNORED ? 0f : weights[i / rows];
            for (int c = 0; c < classes; c++) {
                float target = everywhere + (c == (int) labels[i] ? atLabel : 0f);
                targets[i * classes + c] = -weight * target * loss.weight(c);
            }
        }
        NDArray logProbabilities = Ops.logSoftmax(logits);
        return weightedSum(focal(logProbabilities, logProbabilities, loss.focalGamma()), targets);
    }

    /** The sum of the weights of all rows in {@link #crossEntropy}. */
    static double weight(float[] labels, float[] weights, LossSettings loss) {
        int rows = labels.length / weights.length;
        double sum = 0;
        for (int i = 0; i < labels.length; i++) {
            sum += labels[i] == Example.IGNORED ? 0f : weights[i / rows] * loss.weight((int) labels[i]);
        }
        return sum;
    }

    /**
     * Values times (1 − p)^γ.
     *
     * @param logProbabilities log p of the same shape
     */
    static NDArray focal(NDArray values, NDArray logProbabilities, double gamma) {
        return gamma == 0 ? values : values.mul(Ops.power(Ops.complement(logProbabilities.exp()), gamma));
    }
}
