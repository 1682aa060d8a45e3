package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * How a group trains.
 *
 * @param loraDropout probability in [0, 1) that an input element of the low-rank path is dropped while the group is live
 * @param rankStabilized scaling alpha / √r instead of alpha / r
 * @param learningRateScale factor on the job's learning rate, &gt; 0
 * @param warmupSteps optimizer steps after each thaw over which the rate rises linearly to its full value
 */
public record GroupSettings(double loraDropout, boolean rankStabilized, double learningRateScale, int warmupSteps)
        implements Serializable {

    /** No dropout, alpha / r, scale 1, no warm-up. */
    public static final GroupSettings PLAIN = new GroupSettings(0.0, false, 1.0, 0);

    /** @throws IllegalArgumentException if a value is out of its range */
    public GroupSettings {
        if (!(loraDropout >= 0.0 && loraDropout < 1.0)) {
            throw new IllegalArgumentException("lora_dropout " + loraDropout + " is outside [0, 1)");
        }
        if (!(learningRateScale > 0.0) || Double.isInfinite(learningRateScale)) {
            throw new IllegalArgumentException("learning_rate_scale " + learningRateScale + " must be above 0");
        }
        if (warmupSteps < 0) {
            throw new IllegalArgumentException("warmup_steps " + warmupSteps + " must not be negative");
        }
    }
}
