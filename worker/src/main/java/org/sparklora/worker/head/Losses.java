package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
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

    /** −Σ wᵢ Σ_c tᵢ_c log pᵢ_c with tᵢ = (1 − ε) onehot + ε / C, as transformers' LabelSmoother. logits [M, C]. */
    static NDArray crossEntropy(NDArray logits, float[] labels, float[] weights, double labelSmoothing) {
        int classes = Math.toIntExact(logits.getShape().get(1));
        float[] targets = new float[labels.length * classes];
        float everywhere = (float) (labelSmoothing / classes);
        float atLabel = (float) (1.0 - labelSmoothing);
        for (int i = 0; i < labels.length; i++) {
            for (int c = 0; c < classes; c++) {
                float target = everywhere + (c == (int) labels[i] ? atLabel : 0f);
                targets[i * classes + c] = -weights[i] * target;
            }
        }
        return weightedSum(Ops.logSoftmax(logits), targets);
    }
}
