package org.sparklora.driver.ml;

import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.cluster.data.DatasetRows;
import org.sparklora.driver.training.TrainedRun;

/**
 * Predicts a number from a text, or a pair of texts, with an encoder that is fine-tuned by LoRA groups; the loss is the mean
 * squared error, as that of Hugging Face's {@code …ForSequenceClassification} with one label. The label column holds numbers, or
 * texts that are numbers.
 */
public final class LoraTextRegressor extends LoraEstimator<LoraTextRegressor, LoraTextRegressionModel> {

    private static final long serialVersionUID = 1L;

    /** An estimator with defaults and a random id. */
    public LoraTextRegressor() {
        this(Identifiable$.MODULE$.randomUID("loraTextRegressor"));
    }

    /** An estimator with a given id, as Spark's reader needs it. */
    public LoraTextRegressor(String uid) {
        super(uid, "regression");
    }

    @Override
    LabelColumn labelColumn(Dataset<?> rows) {
        return new LabelColumn(DatasetRows.named(getLabelCol()));
    }

    @Override
    LoraTextRegressionModel model(TrainedRun trained) {
        return new LoraTextRegressionModel(uid(), trained, getEmbedBase());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        return Schemas.withValue(this, super.transformSchema(schema));
    }

    /** Reads saved estimators, which are their Params. */
    public static MLReader<LoraTextRegressor> read() {
        return new DefaultParamsReader<>();
    }

    /** Reads the estimator saved at a path or URI, as {@link #read} does. */
    public static LoraTextRegressor load(String path) {
        return read().load(path);
    }
}
