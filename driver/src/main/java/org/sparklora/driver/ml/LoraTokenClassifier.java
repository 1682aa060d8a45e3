package org.sparklora.driver.ml;

import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;

import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.cluster.data.DatasetRows;
import org.sparklora.driver.training.TrainedRun;

/**
 * Tags words, such as those of named entities, with an encoder that is fine-tuned by LoRA groups. {@code textCol} holds arrays
 * of words and {@code labelCol} arrays of as many tags; a tag stands at its word's first piece, and the loss is the cross entropy over
 * those, as that of Hugging Face's {@code …ForTokenClassification}. The model's prediction is an
 * array of tags, null for words beyond {@code maxLength}.
 */
public final class LoraTokenClassifier extends LoraEstimator<LoraTokenClassifier, LoraTokenClassificationModel>
        implements LabelsParam<LoraTokenClassifier> {

    private static final long serialVersionUID = 1L;

    /** An estimator with defaults and a random id. */
    public LoraTokenClassifier() {
        this(Identifiable$.MODULE$.randomUID("loraTokenClassifier"));
    }

    /** An estimator with a given id, as Spark's reader needs it. */
    public LoraTokenClassifier(String uid) {
        super(uid, "token_classification");
        setDefault(textCol(), "tokens");
        setDefault(labelCol(), "tags");
    }

    @Override
    void requireInput(StructType schema) {
        if (isDefined(textPairCol())) {
            throw Schemas.refusal(
                    "config.value.conflict", "textPairCol is set, but words are tagged in one text; clear it");
        }
        Schemas.requireTexts(schema, getTextCol(), "textCol");
        Schemas.requireTexts(schema, getLabelCol(), "labelCol");
    }

    @Override
    Column texts() {
        Column words = DatasetRows.named(getTextCol());
        return when(size(words).gt(0), to_json(words));
    }

    @Override
    LabelColumn labelColumn(Dataset<?> rows) {
        return new LabelColumn(to_json(DatasetRows.named(getLabelCol())));
    }

    @Override
    LoraTokenClassificationModel model(TrainedRun trained) {
        return new LoraTokenClassificationModel(uid(), trained, getEmbedBase());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        return Schemas.withTexts(this, super.transformSchema(schema));
    }

    /** Reads saved estimators, which are their Params. */
    public static MLReader<LoraTokenClassifier> read() {
        return new DefaultParamsReader<>();
    }

    /** Reads the estimator saved at a path or URI, as {@link #read} does. */
    public static LoraTokenClassifier load(String path) {
        return read().load(path);
    }
}
