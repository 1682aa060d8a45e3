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
import org.sparklora.worker.head.MultiLabelHead;

/**
 * Predicts any number of labels for each text: logits [C], the sigmoid of each [C], and the array of labels whose probability is
 * above {@code threshold}, which may be empty. See {@link LoraMultiLabelClassifier}.
 */
public final class LoraMultiLabelModel extends LoraModel<LoraMultiLabelModel>
        implements MultiLabelParams<LoraMultiLabelModel> {

    private static final long serialVersionUID = 1L;

    LoraMultiLabelModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase, LoraMultiLabelModel::new);
    }

    /** The C label texts, in the order of the outputs; a copy. */
    public String[] labels() {
        return run().labels().toArray(new String[0]);
    }

    /** The probability to exceed: that of the Param if it is set, else the one that the job was trained with. */
    @Override
    public double getThreshold() {
        return isSet(threshold())
                ? MultiLabelParams.super.getThreshold()
                : run().job().training().loss().threshold().orElse(MultiLabelHead.DEFAULT_THRESHOLD);
    }

    @Override
    StructType withOutputs(StructType schema) {
        return Schemas.withLabelSets(this, schema);
    }

    @Override
    RowScorer scorer(StructType schema) {
        List<Column> outputs = vectors(this);
        outputs.add(Column.LABELS);
        return ofTexts(schema, HeadOutputs.labelSets(outputs, run().labels(), getThreshold()));
    }

    /** Reads saved models, whose base model is in them or at its recorded path; {@link LoraModel} lists the errors. */
    public static MLReader<LoraMultiLabelModel> read() {
        return new Reader<>(LoraMultiLabelModel.class, LoraMultiLabelModel::new, Optional.empty());
    }

    /** Reads the model saved at a path or URI, as {@link #read} does. */
    public static LoraMultiLabelModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model has moved: a Hugging Face directory, under that path on every node. */
    public static LoraMultiLabelModel load(String path, Path base) {
        return new Reader<>(LoraMultiLabelModel.class, LoraMultiLabelModel::new, Optional.of(base)).load(path);
    }
}
