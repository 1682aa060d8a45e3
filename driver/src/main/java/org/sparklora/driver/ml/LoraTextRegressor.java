package org.sparklora.driver.ml;

import java.util.List;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.training.TrainedRun;

/**
 * Predicts a number from a text, or a pair of texts, with an encoder that is fine-tuned by LoRA groups; the loss is the mean
 * squared error, as that of Hugging Face's {@code …ForSequenceClassification} with one label. The label column holds numbers, or
 * texts that are numbers.
 */
public final class LoraTextRegressor extends LoraEstimator<LoraTextRegressor, LoraTextRegressionModel> {

    private static final long serialVersionUID = 1L;

    private final TextColumns columns;

    /** An estimator with defaults and a random id. */
    public LoraTextRegressor() {
        this(Identifiable$.MODULE$.randomUID("loraTextRegressor"));
    }

    /** An estimator with a given id, as Spark's reader needs it. */
    public LoraTextRegressor(String uid) {
        super(uid);
        this.columns = new TextColumns(this);
    }

    @Override
    List<String> ownKeys() {
        return List.of("model.task=regression", "model.labels=null");
    }

    @Override
    LabelColumn labelColumn(Dataset<?> rows) {
        return LabelColumn.ofValues(getLabelCol());
    }

    @Override
    LoraTextRegressionModel model(TrainedRun trained) {
        return new LoraTextRegressionModel(uid(), trained, getEmbedBase());
    }

    @Override
    public StructType transformSchema(StructType schema) {
        return output(super.transformSchema(schema), getPredictionCol());
    }

    /** A schema with the prediction. */
    static StructType output(StructType schema, String predictionCol) {
        StructField field =
                new StructField(predictionCol, DataTypes.DoubleType, true, org.apache.spark.sql.types.Metadata.empty());
        return Schemas.with(schema, field, "predictionCol");
    }

    @Override
    public TextColumns columns() {
        return columns;
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
