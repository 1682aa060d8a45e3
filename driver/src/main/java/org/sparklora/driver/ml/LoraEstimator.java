package org.sparklora.driver.ml;

import static org.apache.spark.sql.functions.not;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.app.DatasetTraining;
import org.sparklora.driver.app.TrainedRun;
import org.sparklora.driver.config.JobConfig;
import org.sparklora.driver.config.JobFile;
import org.sparklora.driver.data.DatasetRows;

/**
 * Fine-tunes an encoder with LoRA groups on the rows of a dataset. The Params make up a job, as the command {@code train}
 * takes it: those that are set win over the job file named by {@link #job}, and {@link #jobOverrides} wins over both.
 *
 * @param <E> the estimator itself, which setters return
 * @param <M> its model
 */
public abstract class LoraEstimator<E extends LoraEstimator<E, M>, M extends Model<M>> extends Estimator<M>
        implements TextParams, DefaultParamsWritable {

    private static final long serialVersionUID = 1L;

    /** The part of a job that a dataset stands for. */
    private static final String TRAINING_ROWS = "dataset:training";

    private static final String VALIDATION_ROWS = "dataset:validation";

    private final String uid;
    private final TextColumns columns;
    private final Param<String> labelCol;
    private final Param<String> weightCol;
    private final Param<String> validationIndicatorCol;
    private final Param<String> job;
    private final StringArrayParam jobOverrides;
    private final Param<String> baseModel;
    private final Param<String> outputDir;
    private final BooleanParam embedBase;
    private final Param<String> groups;
    private final Param<String> schedule;
    private final IntParam r;
    private final DoubleParam loraAlpha;
    private final DoubleParam loraDropout;
    private final IntParam maxLength;
    private final IntParam maxIter;
    private final DoubleParam stepSize;
    private final DoubleParam regParam;
    private final IntParam batchSize;
    private final IntParam shards;
    private final LongParam seed;
    private final IntParam checkpointInterval;

    LoraEstimator(String uid) {
        this.uid = uid;
        this.columns = new TextColumns(this);
        this.labelCol = text("labelCol", "column of the label");
        this.weightCol =
                text("weightCol", "column of each row's weight in the loss, at least 0; not set: every row counts 1");
        this.validationIndicatorCol = text(
                "validationIndicatorCol",
                "column that is true for rows to validate on after each epoch, instead of training");
        this.job = text(
                "job", "a job file (YAML) with everything that no other Param sets; what it says of data is not read");
        this.jobOverrides = new StringArrayParam(
                this,
                "jobOverrides",
                "keys of the job as a.b=c, c in YAML, as the command's --set; these win over all else");
        this.baseModel = text("baseModel", "Hugging Face directory of the base model, on every node");
        this.outputDir = text(
                "outputDir",
                "run directory with history and checkpoints; must not hold a run. Not set: a temporary one, deleted"
                        + " after training");
        this.embedBase = new BooleanParam(
                this, "embedBase", "whether a saved model holds a copy of the base model instead of its path");
        this.groups = text("groups", "the LoRA groups, lora.groups of a job file, in YAML");
        this.schedule = text("schedule", "which groups are live when, schedule of a job file, in YAML");
        this.r = new IntParam(this, "r", "rank of the LoRA pairs (>= 1)", ParamValidators.gtEq(1));
        this.loraAlpha =
                new DoubleParam(this, "loraAlpha", "scaling of the LoRA pairs: alpha / r (> 0)", ParamValidators.gt(0));
        this.loraDropout = new DoubleParam(
                this,
                "loraDropout",
                "dropout of what live LoRA pairs read, in [0, 1)",
                ParamValidators.inRange(0, 1, true, false));
        this.maxLength = new IntParam(
                this, "maxLength", "most tokens of a text or pair, special tokens included", ParamValidators.gtEq(5));
        this.maxIter = new IntParam(this, "maxIter", "number of epochs (>= 1)", ParamValidators.gtEq(1));
        this.stepSize = new DoubleParam(this, "stepSize", "AdamW's learning rate (> 0)", ParamValidators.gt(0));
        this.regParam = new DoubleParam(this, "regParam", "AdamW's weight decay (>= 0)", ParamValidators.gtEq(0));
        this.batchSize = new IntParam(
                this, "batchSize", "rows of an optimizer step over the whole cluster (>= 1)", ParamValidators.gtEq(1));
        this.shards = new IntParam(
                this,
                "shards",
                "parts that a batch can be spread over, a power of two; decides the bits, where the cluster does not",
                ParamValidators.gtEq(1));
        this.seed = new LongParam(this, "seed", "of everything that looks random");
        this.checkpointInterval = new IntParam(
                this, "checkpointInterval", "steps between checkpoints within an epoch (>= 1), or -1 for none");
        setDefault(labelCol, "label");
        setDefault(embedBase, (Object) false);
        setDefault(maxLength, (Object) 128);
        setDefault(r, (Object) 8);
        setDefault(loraAlpha, (Object) 16.0);
        setDefault(loraDropout, (Object) 0.05);
        setDefault(maxIter, (Object) 3);
        setDefault(stepSize, (Object) 5.0e-4);
        setDefault(regParam, (Object) 0.01);
        setDefault(batchSize, (Object) 32);
        setDefault(seed, (Object) 42L);
        setDefault(checkpointInterval, Integer.valueOf(-1));
        setDefault(jobOverrides, new String[0]);
    }

    private Param<String> text(String name, String doc) {
        return new Param<>(this, name, doc);
    }

    @Override
    public final String uid() {
        return uid;
    }

    /** This, as what it is. */
    @SuppressWarnings("unchecked")
    final E self() {
        return (E) this;
    }

    /** The keys of a job that this kind of estimator sets, as {@code a.b=c}. */
    abstract List<String> ownKeys();

    /** The label column's texts, and the labels where the column tells them. */
    abstract LabelColumn labelColumn(Dataset<?> rows);

    /** The model of what was trained. */
    abstract M model(TrainedRun trained);

    @Override
    public final M fit(Dataset<?> dataset) {
        transformSchema(dataset.schema(), true);
        Optional<String> chosen = isSet(outputDir) ? Optional.of(getOutputDir()) : Optional.empty();
        Path temporary = chosen.isPresent() ? null : temporaryDirectory();
        try {
            String output = chosen.orElseGet(() -> temporary + "/run");
            TrainedRun trained = DatasetTraining.train(dataset.sparkSession(), jobConfig(output), rows(dataset));
            return copyValues(model(trained).setParent(this), ParamMap.empty());
        } finally {
            if (temporary != null) {
                delete(temporary);
            }
        }
    }

    private DatasetTraining.Rows rows(Dataset<?> dataset) {
        LabelColumn label = labelColumn(dataset);
        DatasetRows.Columns wanted = new DatasetRows.Columns(
                texts(),
                isDefined(textPairCol()) ? Optional.of(DatasetRows.named(getTextPairCol())) : Optional.empty(),
                Optional.of(label.text()),
                isDefined(weightCol) ? Optional.of(DatasetRows.named(getWeightCol())) : Optional.empty());
        if (!isDefined(validationIndicatorCol)) {
            return new DatasetTraining.Rows(DatasetRows.of(dataset, wanted), Optional.empty(), label.labels());
        }
        Column held = DatasetRows.named(getValidationIndicatorCol());
        return new DatasetTraining.Rows(
                DatasetRows.of(dataset.where(not(held)), wanted),
                Optional.of(DatasetRows.of(dataset.where(held), wanted)),
                label.labels());
    }

    /** The job that the Params make up. */
    final JobConfig jobConfig(String output) {
        List<String> keys = new ArrayList<>(ownKeys());
        keys.add("data.train={path: '" + TRAINING_ROWS + "'}");
        if (isDefined(validationIndicatorCol)) {
            keys.add("data.validation={path: '" + VALIDATION_ROWS + "'}");
        }
        if (isSet(baseModel)) {
            keys.add("model.path=" + Yaml.quoted(getBaseModel()));
        }
        key(keys, maxLength, "model.max_length");
        key(keys, r, "lora.r");
        key(keys, loraAlpha, "lora.lora_alpha");
        key(keys, loraDropout, "lora.lora_dropout");
        key(keys, groups, "lora.groups");
        key(keys, schedule, "schedule");
        key(keys, maxIter, "training.num_train_epochs");
        key(keys, stepSize, "training.learning_rate");
        key(keys, regParam, "training.weight_decay");
        key(keys, batchSize, "training.batch_size");
        key(keys, shards, "training.shards");
        key(keys, seed, "seed");
        if (isSet(checkpointInterval)) {
            keys.add("execution.checkpoint_every=" + (getCheckpointInterval() < 0 ? "null" : getCheckpointInterval()));
        }
        if (!isSet(job) && !isSet(groups)) {
            // What PEFT adapts in BERT unless it is told otherwise.
            keys.add("lora.groups={all: {target_modules: [query, value]}}");
            if (!isSet(schedule)) {
                keys.add("schedule={live: [all]}");
            }
        }
        keys.addAll(Arrays.asList(getJobOverrides()));
        return isSet(job)
                ? JobFile.read(Path.of(getJob()), keys, Optional.of(output))
                : JobFile.ofKeys(uid, keys, output);
    }

    private void key(List<String> keys, Param<?> param, String name) {
        if (isSet(param)) {
            keys.add(name + "=" + getOrDefault(param));
        }
    }

    /** Refuses columns of texts and labels that are not there, or hold something else. */
    void requireInput(StructType schema) {
        Schemas.requireText(schema, getTextCol(), "textCol");
        if (isDefined(textPairCol())) {
            Schemas.requireText(schema, getTextPairCol(), "textPairCol");
        }
        Schemas.requireLabel(schema, getLabelCol());
    }

    /** The texts of the rows, as the task reads them. */
    Column texts() {
        return DatasetRows.named(getTextCol());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        requireInput(schema);
        if (isDefined(weightCol)) {
            Schemas.requireNumber(schema, getWeightCol(), "weightCol");
        }
        if (isDefined(validationIndicatorCol)) {
            Schemas.requireBoolean(schema, getValidationIndicatorCol(), "validationIndicatorCol");
        }
        return schema;
    }

    @Override
    @SuppressWarnings("unchecked")
    public E copy(ParamMap extra) {
        return (E) defaultCopy(extra);
    }

    private static Path temporaryDirectory() {
        try {
            return Files.createTempDirectory("spark-lora");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) {
        if (!org.apache.hadoop.fs.FileUtil.fullyDelete(folder.toFile())) {
            // What was trained is in memory; a temporary folder that stays is no reason to lose it.
            org.slf4j.LoggerFactory.getLogger(LoraEstimator.class).warn("{} cannot be deleted", folder);
        }
    }

    @Override
    public final Param<String> textCol() {
        return columns.textCol;
    }

    @Override
    public final Param<String> textPairCol() {
        return columns.textPairCol;
    }

    @Override
    public final Param<String> predictionCol() {
        return columns.predictionCol;
    }

    @Override
    public final Param<String> embeddingCol() {
        return columns.embeddingCol;
    }

    @Override
    public final Param<String> pooling() {
        return columns.pooling;
    }

    /** Column of the label. */
    public final Param<String> labelCol() {
        return labelCol;
    }

    public final String getLabelCol() {
        return getOrDefault(labelCol);
    }

    public final E setLabelCol(String value) {
        set(labelCol, value);
        return self();
    }

    /** Column of each row's weight in the loss. */
    public final Param<String> weightCol() {
        return weightCol;
    }

    public final String getWeightCol() {
        return getOrDefault(weightCol);
    }

    public final E setWeightCol(String value) {
        set(weightCol, value);
        return self();
    }

    /** Column that is true for rows to validate on. */
    public final Param<String> validationIndicatorCol() {
        return validationIndicatorCol;
    }

    public final String getValidationIndicatorCol() {
        return getOrDefault(validationIndicatorCol);
    }

    public final E setValidationIndicatorCol(String value) {
        set(validationIndicatorCol, value);
        return self();
    }

    /** A job file with what no other Param sets. */
    public final Param<String> job() {
        return job;
    }

    public final String getJob() {
        return getOrDefault(job);
    }

    public final E setJob(String value) {
        set(job, value);
        return self();
    }

    /** Keys of the job that win over all else, {@code a.b=c}. */
    public final StringArrayParam jobOverrides() {
        return jobOverrides;
    }

    public final String[] getJobOverrides() {
        return getOrDefault(jobOverrides).clone();
    }

    public final E setJobOverrides(String[] value) {
        set(jobOverrides, value.clone());
        return self();
    }

    /** Hugging Face directory of the base model. */
    public final Param<String> baseModel() {
        return baseModel;
    }

    public final String getBaseModel() {
        return getOrDefault(baseModel);
    }

    public final E setBaseModel(String value) {
        set(baseModel, value);
        return self();
    }

    /** Run directory. */
    public final Param<String> outputDir() {
        return outputDir;
    }

    public final String getOutputDir() {
        return getOrDefault(outputDir);
    }

    public final E setOutputDir(String value) {
        set(outputDir, value);
        return self();
    }

    /** Whether a saved model holds the base model. */
    public final BooleanParam embedBase() {
        return embedBase;
    }

    public final boolean getEmbedBase() {
        return (Boolean) getOrDefault(embedBase);
    }

    public final E setEmbedBase(boolean value) {
        set(embedBase, (Object) value);
        return self();
    }

    /** The LoRA groups, in YAML. */
    public final Param<String> groups() {
        return groups;
    }

    public final String getGroups() {
        return getOrDefault(groups);
    }

    public final E setGroups(String value) {
        set(groups, value);
        return self();
    }

    /** Which groups are live when, in YAML. */
    public final Param<String> schedule() {
        return schedule;
    }

    public final String getSchedule() {
        return getOrDefault(schedule);
    }

    public final E setSchedule(String value) {
        set(schedule, value);
        return self();
    }

    /** Rank of the LoRA pairs. */
    public final IntParam r() {
        return r;
    }

    public final int getR() {
        return (Integer) getOrDefault(r);
    }

    public final E setR(int value) {
        set(r, (Object) value);
        return self();
    }

    /** Scaling of the LoRA pairs, times r. */
    public final DoubleParam loraAlpha() {
        return loraAlpha;
    }

    public final double getLoraAlpha() {
        return (Double) getOrDefault(loraAlpha);
    }

    public final E setLoraAlpha(double value) {
        set(loraAlpha, (Object) value);
        return self();
    }

    /** Dropout of what live LoRA pairs read. */
    public final DoubleParam loraDropout() {
        return loraDropout;
    }

    public final double getLoraDropout() {
        return (Double) getOrDefault(loraDropout);
    }

    public final E setLoraDropout(double value) {
        set(loraDropout, (Object) value);
        return self();
    }

    /** Most tokens of a text or pair. */
    public final IntParam maxLength() {
        return maxLength;
    }

    public final int getMaxLength() {
        return (Integer) getOrDefault(maxLength);
    }

    public final E setMaxLength(int value) {
        set(maxLength, (Object) value);
        return self();
    }

    /** Number of epochs. */
    public final IntParam maxIter() {
        return maxIter;
    }

    public final int getMaxIter() {
        return (Integer) getOrDefault(maxIter);
    }

    public final E setMaxIter(int value) {
        set(maxIter, (Object) value);
        return self();
    }

    /** Learning rate. */
    public final DoubleParam stepSize() {
        return stepSize;
    }

    public final double getStepSize() {
        return (Double) getOrDefault(stepSize);
    }

    public final E setStepSize(double value) {
        set(stepSize, (Object) value);
        return self();
    }

    /** Weight decay. */
    public final DoubleParam regParam() {
        return regParam;
    }

    public final double getRegParam() {
        return (Double) getOrDefault(regParam);
    }

    public final E setRegParam(double value) {
        set(regParam, (Object) value);
        return self();
    }

    /** Rows of an optimizer step. */
    public final IntParam batchSize() {
        return batchSize;
    }

    public final int getBatchSize() {
        return (Integer) getOrDefault(batchSize);
    }

    public final E setBatchSize(int value) {
        set(batchSize, (Object) value);
        return self();
    }

    /** Parts that a batch can be spread over. */
    public final IntParam shards() {
        return shards;
    }

    public final int getShards() {
        return (Integer) getOrDefault(shards);
    }

    public final E setShards(int value) {
        set(shards, (Object) value);
        return self();
    }

    /** Of everything that looks random. */
    public final LongParam seed() {
        return seed;
    }

    public final long getSeed() {
        return (Long) getOrDefault(seed);
    }

    public final E setSeed(long value) {
        set(seed, (Object) value);
        return self();
    }

    /** Steps between checkpoints, or -1. */
    public final IntParam checkpointInterval() {
        return checkpointInterval;
    }

    public final int getCheckpointInterval() {
        return (Integer) getOrDefault(checkpointInterval);
    }

    public final E setCheckpointInterval(int value) {
        set(checkpointInterval, (Object) value);
        return self();
    }

    public final E setTextCol(String value) {
        set(textCol(), value);
        return self();
    }

    public final E setTextPairCol(String value) {
        set(textPairCol(), value);
        return self();
    }

    public final E setPredictionCol(String value) {
        set(predictionCol(), value);
        return self();
    }

    public final E setEmbeddingCol(String value) {
        set(embeddingCol(), value);
        return self();
    }

    public final E setPooling(String value) {
        set(pooling(), value);
        return self();
    }
}
