package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** How gradients become updates. A class and not a record, because Java's OptionalDouble does not serialise. */
public final class OptimizerSettings implements Serializable {

    private static final long serialVersionUID = 1L;

    private final double learningRate;
    private final LearningRateSchedule schedule;
    private final AdamW adamW;
    private final @Nullable Double maxGradNorm;

    /**
     * @param maxGradNorm limit on the global gradient norm; empty: no clipping
     */
    public OptimizerSettings(
            double learningRate, LearningRateSchedule schedule, AdamW adamW, OptionalDouble maxGradNorm) {
        this.learningRate = learningRate;
        this.schedule = schedule;
        this.adamW = adamW;
        this.maxGradNorm = maxGradNorm.isPresent() ? maxGradNorm.getAsDouble() : null;
    }

    public double learningRate() {
        return learningRate;
    }

    public LearningRateSchedule schedule() {
        return schedule;
    }

    public AdamW adamW() {
        return adamW;
    }

    /** Limit on the global gradient norm; empty: no clipping. */
    public OptionalDouble maxGradNorm() {
        return maxGradNorm == null ? OptionalDouble.empty() : OptionalDouble.of(maxGradNorm);
    }
}
