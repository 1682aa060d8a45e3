package org.sparklora.driver.job.config;

/** The learning-rate schedule after warm-up, as transformers' {@code get_*_schedule_with_warmup}. */
public enum LrSchedulerType {
    LINEAR,
    CONSTANT,
    COSINE
}
