package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.Optional;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.model.predict.HeadOutputs;
import org.sparklora.driver.model.predict.RowScorer;
import org.sparklora.driver.training.TrainedRun;

/** Predicts a number for each text, the head's one output as a double. See {@link LoraTextRegressor}. */
public final class LoraTextRegressionModel extends LoraModel<LoraTextRegressionModel> {

    private static final long serialVersionUID = 1L;

    LoraTextRegressionModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase, LoraTextRegressionModel::new);
    }

    @Override
    StructType withOutputs(StructType schema) {
        return Schemas.withValue(this, schema);
    }

    @Override
    RowScorer scorer(StructType schema) {
        return ofTexts(schema, HeadOutputs.value());
    }

    /** Reads saved models, whose base model is in them or at its recorded path; {@link LoraModel} lists the errors. */
    public static MLReader<LoraTextRegressionModel> read() {
        return new Reader<>(LoraTextRegressionModel.class, LoraTextRegressionModel::new, Optional.empty());
    }

    /** Reads the model saved at a path or URI, as {@link #read} does. */
    public static LoraTextRegressionModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model has moved: a Hugging Face directory, under that path on every node. */
    public static LoraTextRegressionModel load(String path, Path base) {
        return new Reader<>(LoraTextRegressionModel.class, LoraTextRegressionModel::new, Optional.of(base)).load(path);
    }
}
