package org.sparklora.driver.job.config;

import java.util.Optional;
import org.sparklora.worker.contract.Arithmetic;

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

    /** Decides how rows are split, dealt to shards and ordered, and nothing else. */
    public long dataSeed() {
        return training.dataSeed().orElse(seed);
    }

    /** How the job computes; what it leaves open is as in {@code otherwise}. */
    public Arithmetic arithmetic(Arithmetic otherwise) {
        return new Arithmetic(
                execution.kernel().orElse(otherwise.kernel()),
                execution.precision().orElse(otherwise.precision()));
    }

    /** The same job, which says how it computes. */
    public JobConfig with(Arithmetic arithmetic) {
        ExecutionConfig with = JobKeyTable.EXECUTION
                .like(execution)
                .set("kernel", arithmetic.kernel())
                .set("precision", arithmetic.precision())
                .to(ExecutionConfig.class);
        return new JobConfig(name, seed, model, data, lora, schedule, training, with, tracking, output);
    }

    /** The same job with its base model and the adapter that it starts from in other places. */
    public JobConfig with(String modelPath, Optional<String> initAdapter) {
        ModelConfig there = JobKeyTable.MODEL.like(model).set("path", modelPath).to(ModelConfig.class);
        LoraConfig from = JobKeyTable.LORA
                .like(lora)
                .set("groups", lora.groups())
                .set("init_adapter", initAdapter.orElse(null))
                .to(LoraConfig.class);
        return new JobConfig(name, seed, there, data, from, schedule, training, execution, tracking, output);
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
