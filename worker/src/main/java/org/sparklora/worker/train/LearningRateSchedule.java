package org.sparklora.worker.train;

import java.io.Serializable;

/**
 * schedule(i, total) as transformers' {@code get_scheduler} computes it, with the defaults of its arguments.
 *
 * @param warmupSteps steps over which the factor rises linearly from 0
 * @param totalSteps optimizer steps of the whole run
 * @param end factor after the last step of {@link Type#POLYNOMIAL}; transformers ends at a learning rate of {@value #LAST_RATE}
 */
public record LearningRateSchedule(Type type, int warmupSteps, long totalSteps, double end) implements Serializable {

    /** transformers' {@code lr_end} of a polynomial schedule. */
    public static final double LAST_RATE = 1e-7;

    /** Timescale of an inverse square root schedule without warm-up. */
    private static final int TIMESCALE = 10_000;

    /** The shape after warm-up: transformers' {@code lr_scheduler_type}. {@code CONSTANT} warms up too, if the job says so. */
    public enum Type {
        LINEAR,
        CONSTANT,
        CONSTANT_WITH_WARMUP,
        COSINE,
        /** One cycle, transformers' default: a cosine that stays at 0 after its end. */
        COSINE_WITH_RESTARTS,
        /** Power 1, transformers' default: a line that ends at {@code end}. */
        POLYNOMIAL,
        INVERSE_SQRT;

        /** Whether the factor of a step depends on the length of the run. */
        public boolean dependsOnLength() {
            return this != CONSTANT && this != CONSTANT_WITH_WARMUP && this != INVERSE_SQRT;
        }
    }

    /** A schedule that ends at 0, if it ends. */
    public LearningRateSchedule(Type type, int warmupSteps, long totalSteps) {
        this(type, warmupSteps, totalSteps, 0);
    }

    /** The factor on the learning rate at global step {@code i}, from 0; in [0, 1]. */
    public double factor(long i) {
        if (i < warmupSteps) {
            return (double) i / Math.max(1, warmupSteps);
        }
        double decaySteps = Math.max(1, totalSteps - warmupSteps);
        return switch (type) {
            case CONSTANT, CONSTANT_WITH_WARMUP -> 1.0;
            case LINEAR -> Math.max(0.0, (totalSteps - i) / decaySteps);
            case COSINE -> cosine((i - warmupSteps) / decaySteps);
            case COSINE_WITH_RESTARTS -> i >= totalSteps ? 0.0 : cosine((i - warmupSteps) / decaySteps);
            case POLYNOMIAL -> i > totalSteps ? end : (1 - end) * (1 - (i - warmupSteps) / decaySteps) + end;
            case INVERSE_SQRT -> {
                int timescale = warmupSteps == 0 ? TIMESCALE : warmupSteps;
                yield 1 / StrictMath.sqrt((double) (i + timescale - warmupSteps) / timescale);
            }
        };
    }

    private static double cosine(double progress) {
        return Math.max(0.0, 0.5 * (1.0 + StrictMath.cos(StrictMath.PI * progress)));
    }
}
