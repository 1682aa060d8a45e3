package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.model.predict.RowOutputs;
import org.sparklora.driver.model.predict.RowScorer;
import org.sparklora.driver.model.predict.ScoreRows;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.head.Logits;

/**
 * Predicts any number of labels for each text: logits [C], the sigmoid of each [C], and the array of labels whose probability is
 * above {@code threshold}, which may be empty. See {@link LoraMultiLabelClassifier}.
 */
public final class LoraMultiLabelModel extends LoraModel<LoraMultiLabelModel>
        implements MultiLabelParams<LoraMultiLabelModel> {

    private static final long serialVersionUID = 1L;

    private final MultiLabelColumns columns;

    LoraMultiLabelModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase, LoraMultiLabelModel::new);
        this.columns = new MultiLabelColumns(this);
    }

    /** The C label texts, in the order of the outputs; a copy. */
    public String[] labels() {
        return run().labels().toArray(new String[0]);
    }

    @Override
    StructType withOutputs(StructType schema) {
        return MultiLabelColumns.outputs(this, schema);
    }

    @Override
    RowScorer scorer(StructType schema) {
        return ofTexts(
                schema,
                new Sets(
                        !getRawPredictionCol().isEmpty(),
                        !getProbabilityCol().isEmpty(),
                        run().labels(),
                        getThreshold()));
    }

    /** The columns of label sets, those that are asked for. */
    private static final class Sets implements RowOutputs {

        private static final long serialVersionUID = 1L;

        private final boolean raw;
        private final boolean probability;
        private final ArrayList<String> labels;
        private final double threshold;

        Sets(boolean raw, boolean probability, List<String> labels, double threshold) {
            this.raw = raw;
            this.probability = probability;
            this.labels = new ArrayList<>(labels);
            this.threshold = threshold;
        }

        @Override
        public int width() {
            return 1 + (raw ? 1 : 0) + (probability ? 1 : 0);
        }

        @Override
        public Object[] of(float[] logits) {
            double[] probabilities = Logits.sigmoid(logits);
            List<String> predicted = new ArrayList<>();
            for (int c = 0; c < logits.length; c++) {
                if (probabilities[c] > threshold) {
                    predicted.add(labels.get(c));
                }
            }
            List<Object> values = new ArrayList<>(3);
            if (raw) {
                values.add(ScoreRows.dense(logits));
            }
            if (probability) {
                values.add(Vectors.dense(probabilities));
            }
            values.add(predicted.toArray(new String[0]));
            return values.toArray();
        }
    }

    @Override
    public MultiLabelColumns columns() {
        return columns;
    }

    /** Reads saved models, whose base model is in them or where it lay; see {@link LoraModel} for what may be wrong. */
    public static MLReader<LoraMultiLabelModel> read() {
        return new Reader<>(LoraMultiLabelModel.class, LoraMultiLabelModel::new, Optional.empty());
    }

    /** Reads the model saved at a path or URI, as {@link #read} does. */
    public static LoraMultiLabelModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model lies elsewhere now: a Hugging Face directory, under that path on every node. */
    public static LoraMultiLabelModel load(String path, Path base) {
        return new Reader<>(LoraMultiLabelModel.class, LoraMultiLabelModel::new, Optional.of(base)).load(path);
    }
}
