package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.param.DoubleArrayParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.app.TrainedRun;
import org.sparklora.driver.predict.RowOutputs;
import org.sparklora.driver.predict.RowScorer;
import org.sparklora.driver.predict.ScoreRows;
import org.sparklora.driver.predict.Softmax;

/** Predicts a class for each text. See {@link LoraTextClassifier}. */
public final class LoraTextClassificationModel extends LoraModel<LoraTextClassificationModel>
        implements ClassifierParams {

    private static final long serialVersionUID = 1L;

    private final ClassifierColumns classes;

    LoraTextClassificationModel(String uid, TrainedRun run, boolean embedsBase) {
        super(uid, run, embedsBase);
        this.classes = new ClassifierColumns(this);
    }

    /** Label texts by class index. */
    public String[] labels() {
        return run().labels().toArray(new String[0]);
    }

    /** C. */
    public int numClasses() {
        return run().labels().size();
    }

    @Override
    StructType withOutputs(StructType schema) {
        if (isDefined(thresholds()) && getThresholds().length != numClasses()) {
            throw new IllegalArgumentException("thresholds has " + getThresholds().length + " values, but there are "
                    + numClasses() + " classes: " + String.join(", ", run().labels()));
        }
        return classes.outputs(this, schema, run().labels());
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
            double[] probabilities = Softmax.of(logits);
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
            int best = 0;
            for (int c = 1; c < logits.length; c++) {
                boolean larger = thresholds == null
                        ? logits[c] > logits[best]
                        : probabilities[c] / thresholds[c] > probabilities[best] / thresholds[best];
                best = larger ? c : best;
            }
            return best;
        }
    }

    @Override
    public LoraTextClassificationModel copy(ParamMap extra) {
        return copyValues(new LoraTextClassificationModel(uid(), run(), embedsBase()), extra)
                .setParent(parent());
    }

    public LoraTextClassificationModel setProbabilityCol(String value) {
        set(probabilityCol(), value);
        return this;
    }

    public LoraTextClassificationModel setRawPredictionCol(String value) {
        set(rawPredictionCol(), value);
        return this;
    }

    public LoraTextClassificationModel setPredictedLabelCol(String value) {
        set(predictedLabelCol(), value);
        return this;
    }

    public LoraTextClassificationModel setThresholds(double[] value) {
        set(thresholds(), value.clone());
        return this;
    }

    @Override
    public Param<String> probabilityCol() {
        return classes.probabilityCol;
    }

    @Override
    public Param<String> rawPredictionCol() {
        return classes.rawPredictionCol;
    }

    @Override
    public Param<String> predictedLabelCol() {
        return classes.predictedLabelCol;
    }

    @Override
    public DoubleArrayParam thresholds() {
        return classes.thresholds;
    }

    /** Reads a saved model. */
    public static MLReader<LoraTextClassificationModel> read() {
        return new Reader<>(LoraTextClassificationModel.class, LoraTextClassificationModel::new, Optional.empty());
    }

    /** Reads a saved model. */
    public static LoraTextClassificationModel load(String path) {
        return read().load(path);
    }

    /** Reads a saved model whose base model lies elsewhere now. */
    public static LoraTextClassificationModel load(String path, Path base) {
        return new Reader<>(LoraTextClassificationModel.class, LoraTextClassificationModel::new, Optional.of(base))
                .load(path);
    }
}
