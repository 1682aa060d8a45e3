package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.Optional;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.model.predict.RowScorer;
import org.sparklora.driver.model.predict.ScoreWords;
import org.sparklora.driver.training.TrainedRun;

/**
 * Tags the words of each row: an array of as many tags as the row has words, the largest logit at each word's first piece; null
 * for words that {@code maxLength} cuts off, and null instead of an array for a row without words. See {@link
 * LoraTokenClassifier}.
 */
public final class LoraTokenClassificationModel extends LoraModel<LoraTokenClassificationModel> {

    private static final long serialVersionUID = 1L;

    LoraTokenClassificationModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase, LoraTokenClassificationModel::new);
        setDefault(textCol(), "tokens");
    }

    /** The C tags, in the order of the outputs; a copy. */
    public String[] labels() {
        return run().labels().toArray(new String[0]);
    }

    @Override
    void requireInput(StructType schema) {
        if (isDefined(embeddingCol())) {
            throw Schemas.refusal(
                    "config.value.conflict",
                    "embeddingCol is set, but a model of words has no vector of a whole text; clear it");
        }
        Schemas.requireTexts(schema, getTextCol(), "textCol");
    }

    @Override
    StructType withOutputs(StructType schema) {
        return Schemas.withTexts(this, schema);
    }

    @Override
    DataType typeOfText() {
        return DataTypes.createArrayType(DataTypes.StringType);
    }

    @Override
    RowScorer scorer(StructType schema) {
        return new ScoreWords(schema.fieldIndex(Schemas.name(schema, getTextCol(), "textCol")), run().labels());
    }

    /** Reads saved models, whose base model is in them or at its recorded path; {@link LoraModel} lists the errors. */
    public static MLReader<LoraTokenClassificationModel> read() {
        return new Reader<>(LoraTokenClassificationModel.class, LoraTokenClassificationModel::new, Optional.empty());
    }

    /** Reads the model saved at a path or URI, as {@link #read} does. */
    public static LoraTokenClassificationModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model has moved: a Hugging Face directory, under that path on every node. */
    public static LoraTokenClassificationModel load(String path, Path base) {
        return new Reader<>(LoraTokenClassificationModel.class, LoraTokenClassificationModel::new, Optional.of(base))
                .load(path);
    }
}
