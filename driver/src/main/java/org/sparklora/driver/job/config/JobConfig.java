package org.sparklora.driver.job.config;

/**
 * One job, resolved: what {@link JobFile} read.
 *
 * @param name the job's name; the file's name without its extension where the file gives none
 * @param output the run directory, absolute or with a scheme
 */
public record JobConfig(
        String name,
        long seed,
        ModelConfig model,
        DataConfig data,
        LoraConfig lora,
        ScheduleConfig schedule,
        TrainingConfig training,
        ExecutionConfig execution,
        TrackingConfig tracking,
        String output) {}
