package org.sparklora.driver.ml;

import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.training.TrainedRun;

/**
 * Gives texts, or pairs of texts, any number of labels, with an encoder that is fine-tuned by LoRA groups; the loss is
 * the mean over labels of the binary cross entropy of their sigmoids, PyTorch's {@code BCEWithLogitsLoss}. The label column holds arrays of texts, or texts with a bar between labels. The model's prediction is the
 * array of labels whose probability is above {@code threshold}.
 */
public final class LoraMultiLabelClassifier extends LoraEstimator<LoraMultiLabelClassifier, LoraMultiLabelModel>
        implements MultiLabelParams<LoraMultiLabelClassifier>, LabelsParam<LoraMultiLabelClassifier> {

    private static final long serialVersionUID = 1L;

    /** An estimator with defaults and a random id. */
    public LoraMultiLabelClassifier() {
        this(Identifiable$.MODULE$.randomUID("loraMultiLabelClassifier"));
    }

    /** An estimator with a given id, as Spark's reader needs it. */
    public LoraMultiLabelClassifier(String uid) {
        super(uid, "multi_label");
    }

    @Override
    void requireInput(StructType schema) {
        Schemas.requireTextOrPair(schema, this);
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
        return Schemas.withLabelSets(this, super.transformSchema(schema));
    }

    /** Reads saved estimators, which are their Params. */
    public static MLReader<LoraMultiLabelClassifier> read() {
        return new DefaultParamsReader<>();
    }

    /** Reads the estimator saved at a path or URI, as {@link #read} does. */
    public static LoraMultiLabelClassifier load(String path) {
        return read().load(path);
    }
}
