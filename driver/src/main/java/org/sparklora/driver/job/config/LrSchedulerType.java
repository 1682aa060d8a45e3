package org.sparklora.driver.job.config;

/** The learning-rate schedule, as transformers' {@code lr_scheduler_type}; {@code constant} warms up too, if the job says so. */
public enum LrSchedulerType {
    LINEAR,
    CONSTANT,
    CONSTANT_WITH_WARMUP,
    COSINE,
    COSINE_WITH_RESTARTS,
    POLYNOMIAL,
    INVERSE_SQRT;

    /** Whether the learning rate of a step depends on the length of the run. */
    boolean dependsOnLength() {
        return this != CONSTANT && this != CONSTANT_WITH_WARMUP && this != INVERSE_SQRT;
    }
}
