package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;

/** Classification: one label out of C, with cross entropy. */
public final class ClassificationHead implements TaskHead {

    private static final long serialVersionUID = 1L;

    private final int classes;

    /**
     * A head of C outputs.
     *
     * @throws IllegalArgumentException for fewer than two
     */
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

    @Override
    public NDArray lossSum(NDArray logits, float[] labels, float[] weights, double labelSmoothing) {
        return Losses.crossEntropy(logits, labels, weights, labelSmoothing);
    }

    @Override
    public double loss(float[] logits, float[] labels) {
        return Logits.crossEntropy(logits, 0, classes, (int) labels[0]);
    }
}
