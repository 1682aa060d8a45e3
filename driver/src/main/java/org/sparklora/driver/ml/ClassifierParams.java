package org.sparklora.driver.ml;

import org.apache.spark.ml.param.DoubleArrayParam;
import org.apache.spark.ml.param.Param;

/** Params of classifiers and their models. */
public interface ClassifierParams extends TextParams {

    /** Column of the classes' probabilities, a vector [C]. */
    Param<String> probabilityCol();

    /** Column of the logits, a vector [C]. */
    Param<String> rawPredictionCol();

    /** Column of the predicted label's text. */
    Param<String> predictedLabelCol();

    /** Thresholds by class, as Spark's classifiers have them. */
    DoubleArrayParam thresholds();

    default String getProbabilityCol() {
        return getOrDefault(probabilityCol());
    }

    default String getRawPredictionCol() {
        return getOrDefault(rawPredictionCol());
    }

    default String getPredictedLabelCol() {
        return getOrDefault(predictedLabelCol());
    }

    default double[] getThresholds() {
        return getOrDefault(thresholds()).clone();
    }
}
