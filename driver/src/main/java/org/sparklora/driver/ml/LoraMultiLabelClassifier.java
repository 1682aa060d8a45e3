package org.sparklora.driver.ml;

import java.util.Arrays;
import java.util.List;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.app.TrainedRun;

/**
 * Gives texts, or pairs of texts, any number of labels, with an encoder that is fine-tuned by LoRA groups; binary cross entropy
 * of each label. The label column holds arrays of texts, or texts with a bar between labels. The model's prediction is the
 * array of labels whose probability is above {@code threshold}.
 */
public final class LoraMultiLabelClassifier extends LoraEstimator<LoraMultiLabelClassifier, LoraMultiLabelModel>
        implements MultiLabelParams {

    private static final long serialVersionUID = 1L;

    private final MultiLabelColumns columns;
    private final StringArrayParam labels;

    public LoraMultiLabelClassifier() {
        this(Identifiable$.MODULE$.randomUID("loraMultiLabelClassifier"));
    }

    /** Spark's way to make one with an id that is known. */
    public LoraMultiLabelClassifier(String uid) {
        super(uid);
        this.columns = new MultiLabelColumns(this);
        this.labels = new StringArrayParam(
                this, "labels", "label texts in the order of the outputs; not set: those of the rows, sorted");
    }

    @Override
    List<String> ownKeys() {
        return isSet(labels)
                ? List.of("model.task=multi_label", "model.labels=" + Yaml.list(Arrays.asList(getLabels())))
                : List.of("model.task=multi_label");
    }

    @Override
    void requireInput(StructType schema) {
        Schemas.requireText(schema, getTextCol(), "textCol");
        if (isDefined(textPairCol())) {
            Schemas.requireText(schema, getTextPairCol(), "textPairCol");
        }
        Schemas.requireLabels(schema, getLabelCol());
    }

    @Override
    LabelColumn labelColumn(Dataset<?> rows) {
        return LabelColumn.ofSets(rows, getLabelCol());
    }

    @Override
    LoraMultiLabelModel model(TrainedRun trained) {
        return new LoraMultiLabelModel(uid(), trained, getEmbedBase());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        return columns.outputs(this, super.transformSchema(schema));
    }

    /** Label texts in the order of the outputs. */
    public StringArrayParam labels() {
        return labels;
    }

    public String[] getLabels() {
        return getOrDefault(labels).clone();
    }

    public LoraMultiLabelClassifier setLabels(String[] value) {
        set(labels, value.clone());
        return this;
    }

    public LoraMultiLabelClassifier setProbabilityCol(String value) {
        set(probabilityCol(), value);
        return this;
    }

    public LoraMultiLabelClassifier setRawPredictionCol(String value) {
        set(rawPredictionCol(), value);
        return this;
    }

    public LoraMultiLabelClassifier setThreshold(double value) {
        set(threshold(), (Object) value);
        return this;
    }

    @Override
    public Param<String> probabilityCol() {
        return columns.probabilityCol;
    }

    @Override
    public Param<String> rawPredictionCol() {
        return columns.rawPredictionCol;
    }

    @Override
    public DoubleParam threshold() {
        return columns.threshold;
    }

    /** Reads a saved estimator. */
    public static MLReader<LoraMultiLabelClassifier> read() {
        return new DefaultParamsReader<>();
    }

    /** Reads a saved estimator. */
    public static LoraMultiLabelClassifier load(String path) {
        return read().load(path);
    }
}
