package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.engine.Ops;

/** One label out of C: cross entropy. */
public final class ClassificationHead extends SequenceHead {

    private static final long serialVersionUID = 1L;

    private final int classes;

    public ClassificationHead(int classes) {
        if (classes < 2) {
            throw new IllegalArgumentException("classification needs at least 2 labels, but there is " + classes);
        }
        this.classes = classes;
    }

    @Override
    public int outputs() {
        return classes;
    }

    /** −Σ wᵢ Σ_c tᵢ_c log pᵢ_c with tᵢ = (1 − ε) onehot + ε / C, as transformers' LabelSmoother. */
    @Override
    public NDArray lossSum(NDArray logits, float[] labels, float[] weights, double labelSmoothing) {
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

    @Override
    public double loss(float[] logits, float label) {
        double most = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            most = Math.max(most, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += StrictMath.exp(logit - most);
        }
        return most + StrictMath.log(sum) - logits[(int) label];
    }
}
