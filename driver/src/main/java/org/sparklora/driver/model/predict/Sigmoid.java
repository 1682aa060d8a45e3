package org.sparklora.driver.model.predict;

/** Probabilities of labels that do not exclude each other, in double precision. */
public final class Sigmoid {

    private Sigmoid() {}

    /** 1 / (1 + exp(−xᵢ)). */
    public static double[] of(float[] logits) {
        double[] probabilities = new double[logits.length];
        for (int c = 0; c < logits.length; c++) {
            probabilities[c] = 1 / (1 + StrictMath.exp(-(double) logits[c]));
        }
        return probabilities;
    }
}
