package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;

/**
 * Multi-label classification: any number of C labels, with binary cross entropy for each. The loss of an example is the
 * mean over its C labels, so the mean over examples equals PyTorch's BCEWithLogitsLoss. Labels are not smoothed.
 *
 * @param outputs C
 */
public record MultiLabelHead(int outputs) implements TaskHead {

    /** @throws IllegalArgumentException for no label */
    public MultiLabelHead {
        if (outputs < 1) {
            throw new IllegalArgumentException("multi_label needs at least 1 label");
        }
    }

    /** Σ wᵢ / C Σ_c log(1 + exp zᵢ_c) − yᵢ_c zᵢ_c. */
    @Override
    public NDArray lossSum(NDArray logits, float[] targets, float[] weights, double labelSmoothing) {
        if (labelSmoothing != 0.0) {
            throw new IllegalArgumentException("labels that do not exclude each other cannot be smoothed");
        }
        float[] factors = new float[targets.length];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = weights[i / outputs] / outputs;
        }
        NDArray wanted =
                Tensors.floats(logits.getManager(), targets, logits.getShape().getShape());
        return Losses.weightedSum(Ops.softPlus(logits).sub(logits.mul(wanted)), factors);
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
