package org.sparklora.worker.train;

import java.io.Serializable;

/**
 * schedule(i, total) as transformers' {@code get_*_schedule_with_warmup} compute it.
 *
 * @param warmupSteps steps over which the factor rises linearly from 0
 * @param totalSteps optimizer steps of the whole run
 */
public record LearningRateSchedule(Type type, int warmupSteps, long totalSteps) implements Serializable {

    /** The shape after warm-up. */
    public enum Type {
        LINEAR,
        CONSTANT,
        COSINE
    }

    /** The factor on the learning rate at global step {@code i}, from 0; in [0, 1]. */
    public double factor(long i) {
        if (i < warmupSteps) {
            return (double) i / Math.max(1, warmupSteps);
        }
        double decaySteps = Math.max(1, totalSteps - warmupSteps);
        return switch (type) {
            case CONSTANT -> 1.0;
            case LINEAR -> Math.max(0.0, (totalSteps - i) / decaySteps);
            case COSINE -> Math.max(0.0, 0.5 * (1.0 + StrictMath.cos(StrictMath.PI * (i - warmupSteps) / decaySteps)));
        };
    }
}
