package org.sparklora.driver.ml;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleArrayParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.StringArrayParam;
import org.sparklora.driver.job.config.JobKey;
import org.sparklora.driver.job.config.JobKeyTable;
import org.sparklora.driver.job.config.Range;
import org.sparklora.worker.head.MultiLabelHead;

/**
 * The Params of one estimator or model by name, each created once. Which it has follows from the interfaces that it implements.
 * A Param that has a key of the job file takes its default, range and documentation from {@link JobKeyTable}.
 */
final class ParamTable {

    private final ChainedParams<?> parent;
    private final Map<String, Param<?>> byName = new HashMap<>();
    private final Map<String, Param<?>> byKey = new LinkedHashMap<>();

    ParamTable(ChainedParams<?> parent) {
        this.parent = parent;
        if (parent instanceof TextParams) {
            addTextParams();
        }
        if (parent instanceof LogitParams) {
            addLogitParams();
        }
        if (parent instanceof LabelsParam) {
            add(new StringArrayParam(
                    parent, "labels", "labels in the order of the outputs; not set: those of the rows, sorted"));
        }
        if (parent instanceof RowParams) {
            addRowParams();
        }
        if (parent instanceof JobParams) {
            addJobParams();
        }
    }

    /** The Param with a name; the caller knows its type. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    <P extends Param<?>> P get(String name) {
        return (P) Objects.requireNonNull(byName.get(name), name);
    }

    /** The Params that have a key of the job file, by the key's path. */
    Map<String, Param<?>> byKey() {
        return byKey;
    }

    private void addTextParams() {
        withDefault("text", text("textCol", "column of the text, or of the first text of a pair"));
        text("textPairCol", "column of the second text of a pair; not set: single texts");
        text("adapterCol", "column of the key whose values have an adapter each; not set: one adapter");
        withDefault(
                "prediction",
                text("predictionCol", "column for the prediction: the class index, or the value; null without text"));
        text("embeddingCol", "column for each text's vector [H]; not set: none is computed");
        withDefault(
                "cls",
                add(new Param<>(
                        parent,
                        "pooling",
                        "what embeddingCol holds: cls, the last layer's result for the first token, or mean, that of all"
                                + " tokens",
                        ParamValidators.inArray(new Object[] {"cls", "mean"}))));
        add(new Param<>(
                parent,
                "precision",
                "type of the frozen layers, float32 or bfloat16: of training, and of the model's predictions; not set:"
                        + " float32, and what a model was trained in",
                ParamValidators.inArray(new Object[] {"float32", "bfloat16"})));
    }

    private void addLogitParams() {
        withDefault("probability", text("probabilityCol", "column for the probabilities, a vector [C]; empty: none"));
        withDefault("rawPrediction", text("rawPredictionCol", "column for the logits, a vector [C]; empty: none"));
        if (parent instanceof ClassifierParams) {
            text("predictedLabelCol", "column for the predicted label's text; not set: none");
            add(new DoubleArrayParam(
                    parent,
                    "thresholds",
                    "a threshold for each class: the class with the largest p / t is predicted; all > 0, but one may"
                            + " be 0",
                    values -> Arrays.stream(values).allMatch(t -> t >= 0)
                            && Arrays.stream(values).filter(t -> t == 0).count() <= 1));
        }
        if (parent instanceof MultiLabelParams) {
            number("threshold", "training.threshold");
            withDefault(MultiLabelHead.DEFAULT_THRESHOLD, get("threshold"));
        }
    }

    private void addRowParams() {
        withDefault("label", text("labelCol", "column of the label"));
        text("weightCol", "column of each row's weight in the loss, at least 0; not set: every row counts 1");
        text(
                "validationIndicatorCol",
                "column that is true for rows to validate on after each epoch, instead of training");
    }

    private void addJobParams() {
        text("job", "job file (YAML) for everything that no other Param sets, except the data");
        withDefault(
                new String[0],
                add(new StringArrayParam(
                        parent, "jobOverrides", "keys of the job as a.b=c, c in YAML; they override everything else")));
        text(
                "outputDir",
                "run directory with history and checkpoints; must not hold a run. Not set: a temporary directory,"
                        + " deleted after training");
        withDefault(
                false,
                add(new BooleanParam(
                        parent,
                        "embedBase",
                        "whether a saved model holds a copy of the base model instead of its path")));
        keyed("model.path", text("baseModel", meaning("model.path")));
        whole("maxLength", "model.max_length");
        whole("r", "lora.r");
        number("loraAlpha", "lora.lora_alpha");
        number("loraDropout", "lora.lora_dropout");
        keyed("lora.groups", text("groups", meaning("lora.groups")));
        keyed("schedule", text("schedule", meaning("schedule")));
        byKey.put("execution.precision", get("precision"));
        whole("maxIter", "training.num_train_epochs");
        number("stepSize", "training.learning_rate");
        number("regParam", "training.weight_decay");
        whole("batchSize", "training.batch_size");
        whole("shards", "training.shards");
        keyed("seed", new LongParam(parent, "seed", meaning("seed")));
        // Spark writes the missing interval as -1, the job file as null.
        String checkpointEvery = "execution.checkpoint_every";
        IntParam interval = new IntParam(parent, "checkpointInterval", meaning(checkpointEvery) + "; -1 for none");
        keyed(checkpointEvery, interval);
        withDefault(-1, interval);
    }

    private <P extends Param<?>> P add(P param) {
        byName.put(param.name(), param);
        return param;
    }

    private Param<String> text(String name, String doc) {
        return add(new Param<>(parent, name, doc));
    }

    private void whole(String name, String path) {
        keyed(
                path,
                new IntParam(
                        parent,
                        name,
                        doc(path),
                        ParamValidators.gtEq(range(path).min())));
    }

    private void number(String name, String path) {
        Range range = range(path);
        keyed(
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
        return meaning(path) + "; " + JobKeyTable.key(path).type().words();
    }

    private static String meaning(String path) {
        return JobKeyTable.key(path).meaning();
    }

    /** Registers a Param under its key, with the key's default if that is a number. */
    private void keyed(String path, Param<?> param) {
        byKey.put(path, add(param));
        JobKey key = JobKeyTable.key(path);
        if (key.absent().value() instanceof Number value && !key.isRequired()) {
            withDefault(value, param);
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private void withDefault(Object value, Param<?> param) {
        parent.setDefault((Param) param, value);
    }
}
