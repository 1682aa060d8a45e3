package org.sparklora.driver.job.freeze;

/**
 * The length of a run. Every epoch has the same number of steps, except that {@code max_steps} may cut the last one.
 *
 * @param epochs including one that is cut
 * @param steps optimizer steps of the whole run
 */
public record RunLength(int epochs, int stepsPerEpoch, long steps) {

    /** A run of whole epochs. */
    public static RunLength ofEpochs(int epochs, int stepsPerEpoch) {
        return new RunLength(epochs, stepsPerEpoch, (long) epochs * stepsPerEpoch);
    }

    /** A run that ends after a step, from 1. */
    public static RunLength ofSteps(int steps, int stepsPerEpoch) {
        return new RunLength((steps + stepsPerEpoch - 1) / stepsPerEpoch, stepsPerEpoch, steps);
    }

    /** Steps of an epoch, from 0. */
    public int stepsIn(int epoch) {
        return (int) (stepsUntil(epoch + 1) - stepsUntil(epoch));
    }

    /** Steps of the epochs before an epoch. */
    public long stepsUntil(int epoch) {
        return Math.min(steps, (long) epoch * stepsPerEpoch);
    }
}
