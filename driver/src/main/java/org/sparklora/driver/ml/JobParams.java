package org.sparklora.driver.ml;

import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.StringArrayParam;

/**
 * Params of estimators that make up a job, as the command {@code train} runs it. A Param that is set overrides the job file
 * named by {@link #job}, and {@link #jobOverrides} overrides both. Defaults are those of job files; they apply only without a
 * job file.
 *
 * @param <S> the estimator itself
 */
public interface JobParams<S extends JobParams<S>> extends ChainedParams<S> {

    /**
     * A job file (YAML) with everything that no other Param sets; what it says of data and output is not read. A Param that is
     * set wins over it, a default does not. Not set: a job of defaults.
     */
    default Param<String> job() {
        return paramTable().get("job");
    }

    /** The job file's path, {@link #job}; there is no default. */
    default String getJob() {
        return getOrDefault(job());
    }

    /** Sets the job file's path, {@link #job}. */
    default S setJob(String value) {
        return put(job(), value);
    }

    /**
     * Keys of the job as {@code a.b=c}, c in YAML, as the command's {@code --set}: for every key that no Param stands for. They
     * override everything else. Default: none.
     */
    default StringArrayParam jobOverrides() {
        return paramTable().get("jobOverrides");
    }

    /** A copy of the keys, {@link #jobOverrides}. */
    default String[] getJobOverrides() {
        return getOrDefault(jobOverrides()).clone();
    }

    /** Sets keys {@code a.b=c}, {@link #jobOverrides}; the array is copied. */
    default S setJobOverrides(String[] value) {
        return put(jobOverrides(), value.clone());
    }

    /**
     * Hugging Face directory of the base model ({@code config.json}, weights, tokenizer), under the same path on every node.
     * {@code model.path}. Required, here or in {@link #job}.
     */
    default Param<String> baseModel() {
        return paramTable().get("baseModel");
    }

    /** The base model's directory, {@link #baseModel}; there is no default. */
    default String getBaseModel() {
        return getOrDefault(baseModel());
    }

    /** Sets the base model's directory, {@link #baseModel}. */
    default S setBaseModel(String value) {
        return put(baseModel(), value);
    }

    /**
     * Run directory, a path or URI, with history and checkpoints; it must not hold a run, which ends {@code fit} with {@link
     * org.sparklora.driver.run.history.OutputException}, so leave it unset where several fits are to come. {@code --output}. Not set:
     * a temporary one, deleted after training.
     */
    default Param<String> outputDir() {
        return paramTable().get("outputDir");
    }

    /** The run directory, {@link #outputDir}; there is no default. */
    default String getOutputDir() {
        return getOrDefault(outputDir());
    }

    /** Sets the run directory, {@link #outputDir}. */
    default S setOutputDir(String value) {
        return put(outputDir(), value);
    }

    /**
     * Whether a saved model holds a copy of the base model instead of its path: as many bytes more as the base model has.
     * Default false.
     */
    default BooleanParam embedBase() {
        return paramTable().get("embedBase");
    }

    /** Whether a saved model holds its base, {@link #embedBase}. */
    default boolean getEmbedBase() {
        return (Boolean) getOrDefault(embedBase());
    }

    /** Sets whether a saved model is to hold its base, {@link #embedBase}. */
    default S setEmbedBase(boolean value) {
        return put(embedBase(), value);
    }

    /**
     * The LoRA groups, {@code lora.groups} of a job file, in YAML. Not set: those of {@link #job}; without one a single group
     * {@code all} of every layer's query and value, what PEFT adapts in BERT.
     */
    default Param<String> groups() {
        return paramTable().get("groups");
    }

    /** The groups in YAML, {@link #groups}; there is no default. */
    default String getGroups() {
        return getOrDefault(groups());
    }

    /** Sets the groups in YAML, {@link #groups}. */
    default S setGroups(String value) {
        return put(groups(), value);
    }

    /**
     * Which groups train in which epochs: {@code schedule} of a job file, in YAML. Required if {@link #groups} is set. Not set:
     * the schedule of {@link #job}; without a job file {@code all} is live.
     */
    default Param<String> schedule() {
        return paramTable().get("schedule");
    }

    /** The schedule in YAML, {@link #schedule}; there is no default. */
    default String getSchedule() {
        return getOrDefault(schedule());
    }

    /** Sets the schedule in YAML, {@link #schedule}. */
    default S setSchedule(String value) {
        return put(schedule(), value);
    }

    /**
     * Rank of the LoRA pairs, A [r, in] and B [out, r]: at least 1; default 8. PEFT's {@code r}, {@code lora.r}; a group's own
     * takes precedence. Hu et al. 2021, arXiv:2106.09685.
     */
    default IntParam r() {
        return paramTable().get("r");
    }

    /** The rank, {@link #r}. */
    default int getR() {
        return (Integer) getOrDefault(r());
    }

    /** Sets the rank, at least 1, {@link #r}. */
    default S setR(int value) {
        return put(r(), value);
    }

    /**
     * The pairs' delta is B A x scaled by loraAlpha / r: above 0; default 16. PEFT's {@code lora_alpha}, {@code
     * lora.lora_alpha}; a group's own takes precedence.
     */
    default DoubleParam loraAlpha() {
        return paramTable().get("loraAlpha");
    }

    /** The numerator of the scaling, {@link #loraAlpha}. */
    default double getLoraAlpha() {
        return (Double) getOrDefault(loraAlpha());
    }

    /** Sets the numerator of the scaling, above 0, {@link #loraAlpha}. */
    default S setLoraAlpha(double value) {
        return put(loraAlpha(), value);
    }

    /**
     * Probability that an input of a live LoRA pair is dropped in training, in [0, 1); default 0.05. PEFT's {@code
     * lora_dropout}, {@code lora.lora_dropout}; a group's own takes precedence.
     */
    default DoubleParam loraDropout() {
        return paramTable().get("loraDropout");
    }

    /** The probability of dropout, {@link #loraDropout}. */
    default double getLoraDropout() {
        return (Double) getOrDefault(loraDropout());
    }

    /** Sets the probability of dropout, in [0, 1), {@link #loraDropout}. */
    default S setLoraDropout(double value) {
        return put(loraDropout(), value);
    }

    /**
     * Largest number of tokens of a text or pair, special tokens included: from 5 to the base model's positions; longer input
     * is cut. Default 128. {@code model.max_length}.
     */
    default IntParam maxLength() {
        return paramTable().get("maxLength");
    }

    /** The most tokens, {@link #maxLength}. */
    default int getMaxLength() {
        return (Integer) getOrDefault(maxLength());
    }

    /** Sets the most tokens, at least 5, {@link #maxLength}. */
    default S setMaxLength(int value) {
        return put(maxLength(), value);
    }

    /**
     * Number of epochs, at least 1; default 3. Spark's {@code HasMaxIter}, {@code training.num_train_epochs}.
     */
    default IntParam maxIter() {
        return paramTable().get("maxIter");
    }

    /** The epochs, {@link #maxIter}. */
    default int getMaxIter() {
        return (Integer) getOrDefault(maxIter());
    }

    /** Sets the epochs, at least 1, {@link #maxIter}. */
    default S setMaxIter(int value) {
        return put(maxIter(), value);
    }

    /**
     * AdamW's learning rate, above 0; default 5e-4; its schedule is {@code training.lr_scheduler_type}. Spark's {@code
     * HasStepSize}, {@code training.learning_rate}.
     */
    default DoubleParam stepSize() {
        return paramTable().get("stepSize");
    }

    /** The learning rate, {@link #stepSize}. */
    default double getStepSize() {
        return (Double) getOrDefault(stepSize());
    }

    /** Sets the learning rate, above 0, {@link #stepSize}. */
    default S setStepSize(double value) {
        return put(stepSize(), value);
    }

    /**
     * AdamW's decoupled weight decay, at least 0; default 0.01. PyTorch's {@code weight_decay}, {@code training.weight_decay};
     * Spark's {@code HasRegParam}, but not a term of the loss.
     */
    default DoubleParam regParam() {
        return paramTable().get("regParam");
    }

    /** The weight decay, {@link #regParam}. */
    default double getRegParam() {
        return (Double) getOrDefault(regParam());
    }

    /** Sets the weight decay, at least 0, {@link #regParam}. */
    default S setRegParam(double value) {
        return put(regParam(), value);
    }

    /**
     * Rows of an optimizer step over the whole cluster, at least 1 and at least {@link #shards}; default 32. {@code
     * training.batch_size}.
     */
    default IntParam batchSize() {
        return paramTable().get("batchSize");
    }

    /** The rows of a step, {@link #batchSize}. */
    default int getBatchSize() {
        return (Integer) getOrDefault(batchSize());
    }

    /** Sets the rows of a step, at least 1, {@link #batchSize}. */
    default S setBatchSize(int value) {
        return put(batchSize(), value);
    }

    /**
     * Parts of a batch, a power of two: the largest number of tasks that train at once. It changes the result's bits; the
     * number of executors does not. Not set: that of the job, 8 by default. {@code training.shards}.
     */
    default IntParam shards() {
        return paramTable().get("shards");
    }

    /** The parts of a batch, {@link #shards}; there is no default. */
    default int getShards() {
        return (Integer) getOrDefault(shards());
    }

    /** Sets the parts of a batch, a power of two, {@link #shards}. */
    default S setShards(int value) {
        return put(shards(), value);
    }

    /**
     * Seed for initialization, dropout and data order. Default 42; unlike with Spark's {@code HasSeed}, two estimators with equal
     * Params train the same adapter. {@code seed}.
     */
    default LongParam seed() {
        return paramTable().get("seed");
    }

    /** The seed, {@link #seed}. */
    default long getSeed() {
        return (Long) getOrDefault(seed());
    }

    /** Sets the seed, {@link #seed}. */
    default S setSeed(long value) {
        return put(seed(), value);
    }

    /**
     * Steps between checkpoints within an epoch, or -1 for none, which is the default; there is one at an epoch's end in any
     * case. Spark's {@code HasCheckpointInterval}, {@code execution.checkpoint_every}. They are of use with {@link #outputDir}.
     */
    default IntParam checkpointInterval() {
        return paramTable().get("checkpointInterval");
    }

    /** The steps between checkpoints, {@link #checkpointInterval}. */
    default int getCheckpointInterval() {
        return (Integer) getOrDefault(checkpointInterval());
    }

    /** Sets the steps between checkpoints, or -1, {@link #checkpointInterval}. */
    default S setCheckpointInterval(int value) {
        return put(checkpointInterval(), value);
    }
}
