package org.sparklora.driver.ml;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.StringArrayParam;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.JobKey;
import org.sparklora.driver.job.config.JobKeyTable;
import org.sparklora.driver.job.config.Range;

/**
 * The Params of {@link JobParams}, and the job that they make up. A Param that has a key of the job file takes its default,
 * range and documentation from {@link JobKeyTable}.
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

    /** The Params that have a key, by the key's path. */
    private final Map<String, Param<?>> byKey = new LinkedHashMap<>();

    JobKeys(JobParams<?> parent) {
        this.parent = parent;
        job = new Param<>(parent, "job", "job file (YAML) for everything that no other Param sets, except the data");
        jobOverrides = new StringArrayParam(
                parent, "jobOverrides", "keys of the job as a.b=c, c in YAML; they override everything else");
        outputDir = new Param<>(
                parent,
                "outputDir",
                "run directory with history and checkpoints; must not hold a run. Not set: a temporary directory,"
                        + " deleted after training");
        embedBase = new BooleanParam(
                parent, "embedBase", "whether a saved model holds a copy of the base model instead of its path");
        baseModel = text("baseModel", "model.path");
        maxLength = whole("maxLength", "model.max_length");
        r = whole("r", "lora.r");
        loraAlpha = number("loraAlpha", "lora.lora_alpha");
        loraDropout = number("loraDropout", "lora.lora_dropout");
        groups = text("groups", "lora.groups");
        schedule = text("schedule", "schedule");
        maxIter = whole("maxIter", "training.num_train_epochs");
        stepSize = number("stepSize", "training.learning_rate");
        regParam = number("regParam", "training.weight_decay");
        batchSize = whole("batchSize", "training.batch_size");
        shards = whole("shards", "training.shards");
        seed = keyed(
                "seed", new LongParam(parent, "seed", JobKeyTable.key("seed").meaning()));
        // Spark writes the missing interval as -1, the job file as null.
        checkpointInterval = keyed(
                "execution.checkpoint_every",
                new IntParam(
                        parent,
                        "checkpointInterval",
                        JobKeyTable.key("execution.checkpoint_every").meaning() + "; -1 for none"));
        parent.setDefault(checkpointInterval, Integer.valueOf(-1));
        parent.setDefault(embedBase, (Object) false);
        parent.setDefault(jobOverrides, new String[0]);
    }

    /** A text; the path of a directory, or YAML. */
    private Param<String> text(String name, String path) {
        return keyed(path, new Param<>(parent, name, JobKeyTable.key(path).meaning()));
    }

    private IntParam whole(String name, String path) {
        Range range = range(path);
        return keyed(path, new IntParam(parent, name, doc(path), ParamValidators.gtEq(range.min())));
    }

    private DoubleParam number(String name, String path) {
        Range range = range(path);
        return keyed(
                path,
                new DoubleParam(
                        parent,
                        name,
                        doc(path),
                        ParamValidators.inRange(range.min(), range.max(), range.includesMin(), range.includesMax())));
    }

    private static Range range(String path) {
        return JobKeyTable.key(path).type().range().orElseThrow();
    }

    private static String doc(String path) {
        JobKey<?> key = JobKeyTable.key(path);
        return key.meaning() + "; " + key.type().words();
    }

    /** Registers a Param under its key, with the key's default if that is a plain value. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private <P extends Param<?>> P keyed(String path, P param) {
        byKey.put(path, param);
        JobKey<?> key = JobKeyTable.key(path);
        Object value = key.absent().value();
        if (value instanceof Number && !key.isRequired()) {
            parent.setDefault((Param) param, value);
        }
        return param;
    }

    /** The value of a Param as YAML. */
    private String yaml(Param<?> param) {
        Object value = parent.getOrDefault(param);
        if (param.equals(baseModel)) {
            return Yaml.quoted((String) value);
        }
        return param.equals(checkpointInterval) && (Integer) value < 0 ? "null" : String.valueOf(value);
    }

    /**
     * The job that the Params make up: the job file or the defaults, then the keys given here, then the Params that are set,
     * then {@code jobOverrides}. Later values override earlier ones.
     *
     * @param given keys that the estimator itself sets, as {@code a.b=c}
     * @param output run directory
     * @throws org.sparklora.driver.job.config.ConfigException with all problems of the job at once
     */
    JobConfig job(List<String> given, String output) {
        List<String> keys = new ArrayList<>(given);
        byKey.forEach((path, param) -> {
            if (parent.isSet(param)) {
                keys.add(path + "=" + yaml(param));
            }
        });
        if (!parent.isSet(job) && !parent.isSet(groups)) {
            // PEFT's default for BERT.
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
