package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.head.Logits;

/**
 * Computes output columns from the logits of a text. Files and Spark ML models both use it; they choose different columns.
 *
 * <p>Classes exclude each other: probabilities are the softmax of the logits. Labels of a set do not: each probability is the
 * sigmoid of its logit, and the labels above the threshold are predicted.
 */
public final class HeadOutputs implements Serializable {

    private static final long serialVersionUID = 1L;

    /** Separates the labels of a row in one text, as in training data. */
    private static final String SEPARATOR = "|";

    private final ArrayList<Column> columns;
    private final ArrayList<String> labels;
    private final boolean sets;
    private final double @Nullable [] thresholds;

    /** A column. */
    public enum Column {
        /** The one output of a regression, a double. */
        VALUE,
        /** All logits, a vector. */
        LOGITS,
        /** All probabilities, a vector. */
        PROBABILITIES,
        /** Index of the predicted class, a double. */
        CLASS_INDEX,
        /** Text of the predicted class. */
        CLASS_LABEL,
        /** Probability of the predicted class, a double. */
        CLASS_PROBABILITY,
        /** The predicted labels of a set, an array of texts. */
        LABELS,
        /** The predicted labels of a set, one text with {@code |} between them. */
        JOINED_LABELS,
        /** The probabilities of the predicted labels of a set, one text with {@code |} between them. */
        JOINED_PROBABILITIES
    }

    private HeadOutputs(List<Column> columns, List<String> labels, boolean sets, double @Nullable [] thresholds) {
        this.columns = new ArrayList<>(columns);
        this.labels = new ArrayList<>(labels);
        this.sets = sets;
        this.thresholds = thresholds;
    }

    /** The output of a regression. */
    public static HeadOutputs value() {
        return new HeadOutputs(List.of(Column.VALUE), List.of(), false, null);
    }

    /**
     * Outputs of a classifier.
     *
     * @param thresholds null, or a t for each class: the class with the largest p / t is predicted, as in Spark ML
     */
    public static HeadOutputs classes(List<Column> columns, List<String> labels, double @Nullable [] thresholds) {
        return new HeadOutputs(columns, labels, false, thresholds);
    }

    /**
     * Outputs of a multi-label head.
     *
     * @param threshold probability above which a label is predicted
     */
    public static HeadOutputs labelSets(List<Column> columns, List<String> labels, double threshold) {
        return new HeadOutputs(columns, labels, true, new double[] {threshold});
    }

    /** Number of columns. */
    int width() {
        return columns.size();
    }

    /** Computes the columns in order from logits [C]. */
    Object[] of(float[] logits) {
        double[] probabilities = sets ? Logits.sigmoid(logits) : Logits.softmax(logits);
        return columns.stream()
                .map(column -> value(column, logits, probabilities))
                .toArray();
    }

    private Object value(Column column, float[] logits, double[] probabilities) {
        return switch (column) {
            case VALUE -> (double) logits[0];
            case LOGITS -> dense(logits);
            case PROBABILITIES -> Vectors.dense(probabilities);
            case CLASS_INDEX -> (double) best(logits, probabilities);
            case CLASS_LABEL -> labels.get(best(logits, probabilities));
            case CLASS_PROBABILITY -> probabilities[best(logits, probabilities)];
            case LABELS -> predicted(logits).mapToObj(labels::get).toArray(String[]::new);
            case JOINED_LABELS -> predicted(logits).mapToObj(labels::get).collect(Collectors.joining(SEPARATOR));
            case JOINED_PROBABILITIES ->
                predicted(logits)
                        .mapToObj(c -> Double.toString(probabilities[c]))
                        .collect(Collectors.joining(SEPARATOR));
        };
    }

    /** The first class with the largest logit, or with thresholds the largest p / t; p / 0 is infinite. */
    private int best(float[] logits, double[] probabilities) {
        if (thresholds == null) {
            return Logits.argmax(logits);
        }
        int best = 0;
        for (int c = 1; c < logits.length; c++) {
            best = probabilities[c] / thresholds[c] > probabilities[best] / thresholds[best] ? c : best;
        }
        return best;
    }

    private IntStream predicted(float[] logits) {
        double threshold = Objects.requireNonNull(thresholds)[0];
        return IntStream.range(0, logits.length).filter(c -> Logits.exceeds(logits[c], threshold));
    }

    /** Converts floats to a vector of doubles. */
    static Vector dense(float[] values) {
        double[] doubles = new double[values.length];
        Arrays.setAll(doubles, i -> values[i]);
        return Vectors.dense(doubles);
    }
}
