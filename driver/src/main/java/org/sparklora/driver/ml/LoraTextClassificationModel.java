package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.model.predict.HeadOutputs;
import org.sparklora.driver.model.predict.HeadOutputs.Column;
import org.sparklora.driver.model.predict.RowScorer;
import org.sparklora.driver.training.TrainedRun;

/**
 * Predicts a class for each text: logits [C], their softmax [C], the index of the predicted class with the labels' names in the
 * column's metadata, and the label's text where {@code predictedLabelCol} is set. See {@link LoraTextClassifier}.
 */
public final class LoraTextClassificationModel extends LoraModel<LoraTextClassificationModel>
        implements ClassifierParams<LoraTextClassificationModel> {

    private static final long serialVersionUID = 1L;

    LoraTextClassificationModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase, LoraTextClassificationModel::new);
    }

    /** The C label texts, by class index; a copy. */
    public String[] labels() {
        return run().labels().toArray(new String[0]);
    }

    /** Number of classes C, at least 2. */
    public int numClasses() {
        return run().labels().size();
    }

    @Override
    StructType withOutputs(StructType schema) {
        if (isDefined(thresholds()) && getThresholds().length != numClasses()) {
            throw Schemas.refusal(
                    "config.value.conflict",
                    "thresholds has " + getThresholds().length + " values, but there are " + numClasses() + " classes: "
                            + String.join(", ", run().labels()));
        }
        return Schemas.withClass(this, schema, run().labels());
    }

    @Override
    RowScorer scorer(StructType schema) {
        List<Column> outputs = vectors(this);
        outputs.add(Column.CLASS_INDEX);
        if (isDefined(predictedLabelCol())) {
            outputs.add(Column.CLASS_LABEL);
        }
        double[] thresholds = isDefined(thresholds()) ? getThresholds() : null;
        return ofTexts(schema, HeadOutputs.classes(outputs, run().labels(), thresholds));
    }

    /** Reads saved models, whose base model is in them or at its recorded path; {@link LoraModel} lists the errors. */
    public static MLReader<LoraTextClassificationModel> read() {
        return new Reader<>(LoraTextClassificationModel.class, LoraTextClassificationModel::new, Optional.empty());
    }

    /** Reads the model saved at a path or URI, as {@link #read} does. */
    public static LoraTextClassificationModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model has moved: a Hugging Face directory, under that path on every node. */
    public static LoraTextClassificationModel load(String path, Path base) {
        return new Reader<>(LoraTextClassificationModel.class, LoraTextClassificationModel::new, Optional.of(base))
                .load(path);
    }
}
