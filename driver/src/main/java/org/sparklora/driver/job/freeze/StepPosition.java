package org.sparklora.driver.job.freeze;

/**
 * A step before which the policy decides.
 *
 * @param epoch from 0
 * @param step of the epoch; 0: before the epoch
 * @param globalStep the same step counted from the start of the run
 */
public record StepPosition(int epoch, int step, long globalStep) {

    /** @throws IllegalArgumentException for a step that cannot exist */
    public StepPosition {
        if (epoch < 0 || step < 0 || globalStep < step) {
            throw new IllegalArgumentException(
                    "step " + step + " of epoch " + epoch + " cannot be step " + globalStep + " of a run");
        }
    }

    /** The position before a step of an epoch, in a run whose epochs all have the same number of steps. */
    public static StepPosition of(int epoch, int step, int stepsPerEpoch) {
        return new StepPosition(epoch, step, (long) epoch * stepsPerEpoch + step);
    }

    /** Whether this is before an epoch's first step, when the metrics of all epochs before it are known. */
    public boolean startsEpoch() {
        return step == 0;
    }

    @Override
    public String toString() {
        return step == 0 ? "epoch " + epoch : "step " + step + " of epoch " + epoch;
    }
}
