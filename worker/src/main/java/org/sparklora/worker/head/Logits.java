package org.sparklora.worker.head;

/** Probabilities and predictions from logits, in double precision and the same on every machine. */
public final class Logits {

    private Logits() {}

    /** The index of the largest logit; the first of equal ones. */
    public static int argmax(float[] logits) {
        return argmax(logits, 0, logits.length);
    }

    /** The same among {@code count} logits from {@code from} on; the result counts from 0. */
    public static int argmax(float[] logits, int from, int count) {
        int best = 0;
        for (int c = 1; c < count; c++) {
            best = logits[from + c] > logits[from + best] ? c : best;
        }
        return best;
    }

    /** Probabilities of classes that exclude each other: exp(xᵢ) / Σ exp(xⱼ), of the differences to the largest. */
    public static double[] softmax(float[] logits) {
        double max = logits[argmax(logits)];
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int c = 0; c < logits.length; c++) {
            probabilities[c] = StrictMath.exp(logits[c] - max);
            sum += probabilities[c];
        }
        for (int c = 0; c < logits.length; c++) {
            probabilities[c] /= sum;
        }
        return probabilities;
    }

    /** Probabilities of labels that do not exclude each other: 1 / (1 + exp(−xᵢ)). */
    public static double[] sigmoid(float[] logits) {
        double[] probabilities = new double[logits.length];
        for (int c = 0; c < logits.length; c++) {
            probabilities[c] = 1 / (1 + StrictMath.exp(-(double) logits[c]));
        }
        return probabilities;
    }

    /** Whether the {@link #sigmoid} of a logit is above a threshold in [0, 1]. Exactly: whether the logit is above its logit. */
    public static boolean exceeds(float logit, double threshold) {
        return logit > StrictMath.log(threshold / (1 - threshold));
    }

    /** −log of a class's softmax probability, among {@code classes} logits from {@code from} on. */
    static double crossEntropy(float[] logits, int from, int classes, int label) {
        double max = logits[from + argmax(logits, from, classes)];
        double sum = 0;
        for (int c = 0; c < classes; c++) {
            sum += StrictMath.exp(logits[from + c] - max);
        }
        return max + StrictMath.log(sum) - logits[from + label];
    }
}
