package org.sparklora.driver.model.predict;

/** Probabilities of logits, in double precision. */
public final class Softmax {

    private Softmax() {}

    /** exp(xᵢ) / Σ exp(xⱼ), of the differences to the largest. */
    public static double[] of(float[] logits) {
        double most = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            most = Math.max(most, logit);
        }
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int c = 0; c < logits.length; c++) {
            probabilities[c] = StrictMath.exp(logits[c] - most);
            sum += probabilities[c];
        }
        for (int c = 0; c < logits.length; c++) {
            probabilities[c] /= sum;
        }
        return probabilities;
    }
}
