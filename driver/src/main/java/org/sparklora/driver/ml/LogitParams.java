package org.sparklora.driver.ml;

import org.apache.spark.ml.param.Param;

/**
 * Params of estimators and models that give each of C outputs a logit and a probability, as Spark's classifiers do.
 *
 * @param <S> the estimator or model itself
 */
public interface LogitParams<S extends LogitParams<S>> extends TextParams<S> {

    /**
     * Column of the probabilities, a vector [C] in the order of the labels: the softmax of the logits for classes, which sums to
     * 1, and the sigmoid of each for label sets. Default {@code probability}; empty: none. Spark's {@code HasProbabilityCol}.
     */
    default Param<String> probabilityCol() {
        return paramTable().get("probabilityCol");
    }

    /** The probabilities' column, {@link #probabilityCol}. */
    default String getProbabilityCol() {
        return getOrDefault(probabilityCol());
    }

    /** Sets the probabilities' column, {@link #probabilityCol}; empty for none. */
    default S setProbabilityCol(String value) {
        return put(probabilityCol(), value);
    }

    /**
     * Column of the logits, a vector [C] in the order of the labels: what the head gives, before softmax or sigmoid. Default
     * {@code rawPrediction}; empty: none. Spark's {@code HasRawPredictionCol}.
     */
    default Param<String> rawPredictionCol() {
        return paramTable().get("rawPredictionCol");
    }

    /** The logits' column, {@link #rawPredictionCol}. */
    default String getRawPredictionCol() {
        return getOrDefault(rawPredictionCol());
    }

    /** Sets the logits' column, {@link #rawPredictionCol}; empty for none. */
    default S setRawPredictionCol(String value) {
        return put(rawPredictionCol(), value);
    }
}
