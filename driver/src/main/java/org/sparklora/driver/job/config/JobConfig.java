package org.sparklora.driver.job.config;

import org.sparklora.worker.contract.Kernel;

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
        String output) {

    /** The same job with the library that multiplies its matrices. */
    public JobConfig withKernel(Kernel kernel) {
        ExecutionConfig with =
                JobKeyTable.EXECUTION.like(execution).set("kernel", kernel).to(ExecutionConfig.class);
        return new JobConfig(name, seed, model, data, lora, schedule, training, with, tracking, output);
    }

    /** The same job with weight decay of every tensor, as in 0.1.0. */
    public JobConfig withDecayOfEverything() {
        TrainingConfig decaying = JobKeyTable.TRAINING
                .like(training)
                .set("weight_decay_exclude", null)
                .to(TrainingConfig.class);
        return new JobConfig(name, seed, model, data, lora, schedule, decaying, execution, tracking, output);
    }
}
