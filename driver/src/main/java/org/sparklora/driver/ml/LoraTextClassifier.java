package org.sparklora.driver.ml;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.spark.ml.param.DoubleArrayParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.app.TrainedRun;

/**
 * Classifies texts, or pairs of texts, with an encoder that is fine-tuned by LoRA groups.
 *
 * <p>Labels are texts, or class indices 0, 1, … as Spark's classifiers take them; names that a StringIndexer left are kept.
 * Texts get indices in the order of {@link #labels}, or sorted. The model's predictions are indices.
 *
 * <pre>{@code
 * LoraTextClassificationModel model = new LoraTextClassifier()
 *         .setBaseModel("conf/starter-bert-12l")
 *         .setGroups("{top: {target_modules: [query, value], layers_to_transform: [11]}}")
 *         .setSchedule("{live: [top]}")
 *         .fit(train);
 * }</pre>
 */
public final class LoraTextClassifier extends LoraEstimator<LoraTextClassifier, LoraTextClassificationModel>
        implements ClassifierParams {

    private static final long serialVersionUID = 1L;

    private final ClassifierColumns classes;
    private final StringArrayParam labels;

    public LoraTextClassifier() {
        this(Identifiable$.MODULE$.randomUID("loraTextClassifier"));
    }

    /** Spark's way to make one with an id that is known. */
    public LoraTextClassifier(String uid) {
        super(uid);
        this.classes = new ClassifierColumns(this);
        this.labels = new StringArrayParam(
                this, "labels", "label texts in the order of their indices; not set: those of the rows, sorted");
    }

    @Override
    List<String> ownKeys() {
        return isSet(labels)
                ? List.of("model.task=classification", "model.labels=" + Yaml.list(Arrays.asList(getLabels())))
                : List.of("model.task=classification");
    }

    @Override
    LabelColumn labelColumn(Dataset<?> rows) {
        LabelColumn column = LabelColumn.ofClasses(rows, getLabelCol());
        return isSet(labels) ? new LabelColumn(column.text(), Optional.empty()) : column;
    }

    @Override
    LoraTextClassificationModel model(TrainedRun trained) {
        return new LoraTextClassificationModel(uid(), trained, getEmbedBase());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        return classes.outputs(this, super.transformSchema(schema), List.of());
    }

    /** Label texts in the order of their indices. */
    public StringArrayParam labels() {
        return labels;
    }

    public String[] getLabels() {
        return getOrDefault(labels).clone();
    }

    public LoraTextClassifier setLabels(String[] value) {
        set(labels, value.clone());
        return this;
    }

    public LoraTextClassifier setProbabilityCol(String value) {
        set(probabilityCol(), value);
        return this;
    }

    public LoraTextClassifier setRawPredictionCol(String value) {
        set(rawPredictionCol(), value);
        return this;
    }

    public LoraTextClassifier setPredictedLabelCol(String value) {
        set(predictedLabelCol(), value);
        return this;
    }

    public LoraTextClassifier setThresholds(double[] value) {
        set(thresholds(), value.clone());
        return this;
    }

    @Override
    public Param<String> probabilityCol() {
        return classes.probabilityCol;
    }

    @Override
    public Param<String> rawPredictionCol() {
        return classes.rawPredictionCol;
    }

    @Override
    public Param<String> predictedLabelCol() {
        return classes.predictedLabelCol;
    }

    @Override
    public DoubleArrayParam thresholds() {
        return classes.thresholds;
    }

    /** Reads a saved estimator. */
    public static MLReader<LoraTextClassifier> read() {
        return new DefaultParamsReader<>();
    }

    /** Reads a saved estimator. */
    public static LoraTextClassifier load(String path) {
        return read().load(path);
    }
}
