package org.sparklora.driver.ml;

import java.util.List;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.training.TrainedRun;

/**
 * Classifies texts, or pairs of texts, with an encoder that is fine-tuned by LoRA groups; the loss is the cross entropy of the
 * softmax, as that of Hugging Face's {@code …ForSequenceClassification}.
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
        implements ClassifierParams<LoraTextClassifier>, LabelsParam<LoraTextClassifier> {

    private static final long serialVersionUID = 1L;

    /** An estimator with defaults and a random id. */
    public LoraTextClassifier() {
        this(Identifiable$.MODULE$.randomUID("loraTextClassifier"));
    }

    /** An estimator with a given id, as Spark's reader needs it. */
    public LoraTextClassifier(String uid) {
        super(uid, "classification");
    }

    @Override
    LabelColumn labelColumn(Dataset<?> rows) {
        LabelColumn column = LabelColumn.ofClasses(rows, getLabelCol());
        return isSet(labels()) ? new LabelColumn(column.text()) : column;
    }

    @Override
    LoraTextClassificationModel model(TrainedRun trained) {
        return new LoraTextClassificationModel(uid(), trained, getEmbedBase());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        return Schemas.withClass(this, super.transformSchema(schema), List.of());
    }

    /** Reads saved estimators, which are their Params. */
    public static MLReader<LoraTextClassifier> read() {
        return new DefaultParamsReader<>();
    }

    /** Reads the estimator saved at a path or URI, as {@link #read} does. */
    public static LoraTextClassifier load(String path) {
        return read().load(path);
    }
}
