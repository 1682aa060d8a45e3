package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;

/**
 * Multi-label classification: any number of C labels, with binary cross entropy for each. The loss of an example is the
 * mean over its C labels, so the mean over examples equals PyTorch's BCEWithLogitsLoss. Class weights do not apply.
 *
 * @param outputs C
 * @param threshold probability that a label must exceed to be predicted, [0, 1]
 */
public record MultiLabelHead(int outputs, double threshold) implements TaskHead {

    /** The threshold unless the user gives another. */
    public static final double DEFAULT_THRESHOLD = 0.5;

    /** @throws IllegalArgumentException for no label */
    public MultiLabelHead {
        if (outputs < 1) {
            throw new IllegalArgumentException("multi_label needs at least 1 label");
        }
    }

    /** A head with the default threshold. */
    public MultiLabelHead(int outputs) {
        this(outputs, DEFAULT_THRESHOLD);
    }

    @Override
    public TaskHead withOutputs(int other) {
        return new MultiLabelHead(other, threshold);
    }

    /**
     * Σ wᵢ / C Σ_c bᵢ_c with b = log(1 + exp zᵢ_c) − yᵢ_c zᵢ_c. Smoothed targets are y (1 − ε) + ε / 2, as Keras'
     * BinaryCrossentropy has them. With γ each term has the factor (1 − p)^γ, where p = exp(−b) is the probability of the true
     * answer.
     */
    @Override
    public NDArray lossSum(NDArray logits, float[] targets, float[] weights, LossSettings loss) {
        float[] factors = new float[targets.length];
        float[] smoothed = new float[targets.length];
        double smoothing = loss.labelSmoothing();
        for (int i = 0; i < factors.length; i++) {
            factors[i] = weights[i / outputs] / outputs;
            smoothed[i] = (float) (targets[i] * (1 - smoothing) + smoothing / 2);
        }
        NDArray wanted =
                Tensors.floats(logits.getManager(), smoothed, logits.getShape().getShape());
        NDArray entropy = Ops.softPlus(logits).sub(logits.mul(wanted));
        return Losses.weightedSum(Losses.focal(entropy, entropy.neg(), loss.focalGamma()), factors);
    }

    /** Whether a label with this logit is predicted: its sigmoid is above the threshold. */
    public boolean predicts(float logit) {
        return Logits.exceeds(logit, threshold);
    }

    @Override
    public double loss(float[] logits, float[] targets) {
        double sum = 0;
        for (int c = 0; c < outputs; c++) {
            double z = logits[c];
            sum += Math.max(z, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(z))) - z * targets[c];
        }
        return sum / outputs;
    }
}
