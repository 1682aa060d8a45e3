package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.model.predict.RowOutputs;
import org.sparklora.driver.model.predict.RowScorer;
import org.sparklora.driver.model.predict.ScoreRows;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.head.Logits;

/**
 * Predicts a class for each text: logits [C], their softmax [C], the index of the predicted class with the labels' names in the
 * column's metadata, and the label's text where {@code predictedLabelCol} is set. See {@link LoraTextClassifier}.
 */
public final class LoraTextClassificationModel extends LoraModel<LoraTextClassificationModel>
        implements ClassifierParams<LoraTextClassificationModel> {

    private static final long serialVersionUID = 1L;

    private final ClassifierColumns columns;

    LoraTextClassificationModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase, LoraTextClassificationModel::new);
        this.columns = new ClassifierColumns(this);
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
            throw new IllegalArgumentException("thresholds has " + getThresholds().length + " values, but there are "
                    + numClasses() + " classes: " + String.join(", ", run().labels()));
        }
        return ClassifierColumns.outputs(this, schema, run().labels());
    }

    @Override
    RowScorer scorer(StructType schema) {
        return ofTexts(
                schema,
                new Classes(
                        !getRawPredictionCol().isEmpty(),
                        !getProbabilityCol().isEmpty(),
                        isDefined(predictedLabelCol()) ? run().labels() : null,
                        isDefined(thresholds()) ? getThresholds() : null));
    }

    /** The columns of a classifier, those that are asked for. */
    private static final class Classes implements RowOutputs {

        private static final long serialVersionUID = 1L;

        private final boolean raw;
        private final boolean probability;
        private final @Nullable ArrayList<String> labels;
        private final double @Nullable [] thresholds;

        Classes(boolean raw, boolean probability, @Nullable List<String> labels, double @Nullable [] thresholds) {
            this.raw = raw;
            this.probability = probability;
            this.labels = labels == null ? null : new ArrayList<>(labels);
            this.thresholds = thresholds;
        }

        @Override
        public int width() {
            return 1 + (raw ? 1 : 0) + (probability ? 1 : 0) + (labels == null ? 0 : 1);
        }

        @Override
        public Object[] of(float[] logits) {
            double[] probabilities = Logits.softmax(logits);
            int prediction = prediction(logits, probabilities);
            List<Object> values = new ArrayList<>(4);
            if (raw) {
                values.add(ScoreRows.dense(logits));
            }
            if (probability) {
                values.add(Vectors.dense(probabilities));
            }
            values.add((double) prediction);
            if (labels != null) {
                values.add(labels.get(prediction));
            }
            return values.toArray();
        }

        /** The first of the largest logits; with thresholds the first of the largest p / t, where t = 0 is infinity. */
        private int prediction(float[] logits, double[] probabilities) {
            if (thresholds == null) {
                return Logits.argmax(logits);
            }
            int best = 0;
            for (int c = 1; c < logits.length; c++) {
                best = probabilities[c] / thresholds[c] > probabilities[best] / thresholds[best] ? c : best;
            }
            return best;
        }
    }

    @Override
    public ClassifierColumns columns() {
        return columns;
    }

    /** Reads saved models, whose base model is in them or where it lay; see {@link LoraModel} for what may be wrong. */
    public static MLReader<LoraTextClassificationModel> read() {
        return new Reader<>(LoraTextClassificationModel.class, LoraTextClassificationModel::new, Optional.empty());
    }

    /** Reads the model saved at a path or URI, as {@link #read} does. */
    public static LoraTextClassificationModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model lies elsewhere now: a Hugging Face directory, under that path on every node. */
    public static LoraTextClassificationModel load(String path, Path base) {
        return new Reader<>(LoraTextClassificationModel.class, LoraTextClassificationModel::new, Optional.of(base))
                .load(path);
    }
}
