package org.sparklora.driver.ml;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.StringArrayParam;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;

/**
 * The Params of {@link JobParams}, made once for whoever has them, and the job that they make up: where a Param stands for a
 * key of a job file, it is here that both meet.
 */
final class JobKeys {

    final Param<String> job;
    final StringArrayParam jobOverrides;
    final Param<String> outputDir;
    final BooleanParam embedBase;
    final Param<String> baseModel;
    final IntParam maxLength;
    final IntParam r;
    final DoubleParam loraAlpha;
    final DoubleParam loraDropout;
    final Param<String> groups;
    final Param<String> schedule;
    final IntParam maxIter;
    final DoubleParam stepSize;
    final DoubleParam regParam;
    final IntParam batchSize;
    final IntParam shards;
    final LongParam seed;
    final IntParam checkpointInterval;

    private final JobParams<?> parent;
    private final List<Keyed> keyed = new ArrayList<>();

    /** A Param that stands for a key, and its value as YAML. */
    private record Keyed(Param<?> param, String key, Function<Object, String> yaml) {}

    JobKeys(JobParams<?> parent) {
        this.parent = parent;
        job = new Param<>(
                parent,
                "job",
                "a job file (YAML) with everything that no other Param sets; what it says of data is not read");
        jobOverrides = new StringArrayParam(
                parent,
                "jobOverrides",
                "keys of the job as a.b=c, c in YAML, as the command's --set; these win over all else");
        outputDir = new Param<>(
                parent,
                "outputDir",
                "run directory with history and checkpoints; must not hold a run. Not set: a temporary one, deleted"
                        + " after training");
        embedBase = new BooleanParam(
                parent, "embedBase", "whether a saved model holds a copy of the base model instead of its path");
        baseModel = new Param<>(parent, "baseModel", "Hugging Face directory of the base model, on every node");
        keyed.add(new Keyed(baseModel, "model.path", path -> Yaml.quoted((String) path)));
        maxLength = stands(
                "model.max_length", whole("maxLength", "most tokens of a text or pair, special tokens included", 5));
        r = stands("lora.r", whole("r", "rank of the LoRA pairs (>= 1)", 1));
        loraAlpha = stands(
                "lora.lora_alpha",
                new DoubleParam(
                        parent, "loraAlpha", "scaling of the LoRA pairs: alpha / r (> 0)", ParamValidators.gt(0)));
        loraDropout = stands(
                "lora.lora_dropout",
                new DoubleParam(
                        parent,
                        "loraDropout",
                        "dropout of what live LoRA pairs read, in [0, 1)",
                        ParamValidators.inRange(0, 1, true, false)));
        groups = stands(
                "lora.groups", new Param<>(parent, "groups", "the LoRA groups, lora.groups of a job file, in YAML"));
        schedule = stands(
                "schedule",
                new Param<>(parent, "schedule", "which groups are live when, schedule of a job file, in YAML"));
        maxIter = stands("training.num_train_epochs", whole("maxIter", "number of epochs (>= 1)", 1));
        stepSize = stands(
                "training.learning_rate",
                new DoubleParam(parent, "stepSize", "AdamW's learning rate (> 0)", ParamValidators.gt(0)));
        regParam = stands(
                "training.weight_decay",
                new DoubleParam(parent, "regParam", "AdamW's weight decay (>= 0)", ParamValidators.gtEq(0)));
        batchSize = stands(
                "training.batch_size",
                whole("batchSize", "rows of an optimizer step over the whole cluster (>= 1)", 1));
        shards = stands(
                "training.shards",
                whole(
                        "shards",
                        "parts that a batch can be spread over, a power of two; decides the bits, where the cluster does not",
                        1));
        seed = stands("seed", new LongParam(parent, "seed", "of everything that looks random"));
        checkpointInterval = new IntParam(
                parent, "checkpointInterval", "steps between checkpoints within an epoch (>= 1), or -1 for none");
        keyed.add(new Keyed(
                checkpointInterval, "execution.checkpoint_every", steps -> (Integer) steps < 0 ? "null" : steps + ""));
        defaults();
    }

    /** Those of a job file. */
    private void defaults() {
        parent.setDefault(embedBase, (Object) false);
        parent.setDefault(maxLength, (Object) 128);
        parent.setDefault(r, (Object) 8);
        parent.setDefault(loraAlpha, (Object) 16.0);
        parent.setDefault(loraDropout, (Object) 0.05);
        parent.setDefault(maxIter, (Object) 3);
        parent.setDefault(stepSize, (Object) 5.0e-4);
        parent.setDefault(regParam, (Object) 0.01);
        parent.setDefault(batchSize, (Object) 32);
        parent.setDefault(seed, (Object) 42L);
        parent.setDefault(checkpointInterval, Integer.valueOf(-1));
        parent.setDefault(jobOverrides, new String[0]);
    }

    private IntParam whole(String name, String doc, int least) {
        return new IntParam(parent, name, doc, ParamValidators.gtEq(least));
    }

    /** A Param whose value stands for a key as it is. */
    private <P extends Param<?>> P stands(String key, P param) {
        keyed.add(new Keyed(param, key, String::valueOf));
        return param;
    }

    /**
     * The job that the Params make up: the job file or the defaults, then the keys given here, then the Params that are set,
     * then {@code jobOverrides}; what comes later wins.
     *
     * @param given keys that the estimator itself sets, as {@code a.b=c}
     * @param output run directory
     * @throws org.sparklora.driver.job.config.ConfigException with all problems of the job at once
     */
    JobConfig job(List<String> given, String output) {
        List<String> keys = new ArrayList<>(given);
        for (Keyed one : keyed) {
            if (parent.isSet(one.param())) {
                keys.add(one.key() + "=" + one.yaml().apply(parent.getOrDefault(one.param())));
            }
        }
        if (!parent.isSet(job) && !parent.isSet(groups)) {
            // What PEFT adapts in BERT unless it is told otherwise.
            keys.add("lora.groups={all: {target_modules: [query, value]}}");
            if (!parent.isSet(schedule)) {
                keys.add("schedule={live: [all]}");
            }
        }
        keys.addAll(List.of(parent.getJobOverrides()));
        return parent.isSet(job)
                ? JobFile.read(java.nio.file.Path.of(parent.getJob()), keys, Optional.of(output))
                : JobFile.ofKeys(parent.uid(), keys, output);
    }
}
