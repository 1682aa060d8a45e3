package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.Optional;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.app.TrainedRun;
import org.sparklora.driver.predict.RowScorer;
import org.sparklora.driver.predict.ScoreWords;

/** Tags the words of each row. See {@link LoraTokenClassifier}. */
public final class LoraTokenClassificationModel extends LoraModel<LoraTokenClassificationModel> {

    private static final long serialVersionUID = 1L;

    LoraTokenClassificationModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase);
        setDefault(textCol(), "tokens");
    }

    /** Tags in the order of the outputs. */
    public String[] labels() {
        return run().labels().toArray(new String[0]);
    }

    @Override
    void requireInput(StructType schema) {
        if (isDefined(embeddingCol())) {
            throw new IllegalArgumentException(
                    "embeddingCol is set, but a model of words has no vector of a whole text; clear it");
        }
        Schemas.requireTexts(schema, getTextCol(), "textCol");
    }

    @Override
    StructType withOutputs(StructType schema) {
        return output(schema, getPredictionCol());
    }

    /** A schema with the tags. */
    static StructType output(StructType schema, String predictionCol) {
        return Schemas.with(
                schema,
                DataTypes.createStructField(predictionCol, DataTypes.createArrayType(DataTypes.StringType), true),
                "predictionCol");
    }

    @Override
    RowScorer scorer(StructType schema) {
        return new ScoreWords(schema.fieldIndex(getTextCol()), run().labels());
    }

    @Override
    public LoraTokenClassificationModel copy(ParamMap extra) {
        return copyValues(new LoraTokenClassificationModel(uid(), run(), embedsBase()), extra)
                .setParent(parent());
    }

    /** Reads a saved model. */
    public static MLReader<LoraTokenClassificationModel> read() {
        return new Reader<>(LoraTokenClassificationModel.class, LoraTokenClassificationModel::new, Optional.empty());
    }

    /** Reads a saved model. */
    public static LoraTokenClassificationModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model lies elsewhere now. */
    public static LoraTokenClassificationModel load(String path, Path base) {
        return new Reader<>(LoraTokenClassificationModel.class, LoraTokenClassificationModel::new, Optional.of(base))
                .load(path);
    }
}
