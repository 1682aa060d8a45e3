package org.sparklora.driver.ml;

import org.apache.spark.ml.param.DoubleArrayParam;
import org.apache.spark.ml.param.Param;

/**
 * Params of classifiers and their models. The prediction is the index of a class, a double, as that of Spark's classifiers.
 *
 * @param <S> the estimator or model itself
 */
public interface ClassifierParams<S extends ClassifierParams<S>> extends LogitParams<S> {

    /** Column of the predicted label's text, what an {@code IndexToString} would add. Not set: none. */
    default Param<String> predictedLabelCol() {
        return paramTable().get("predictedLabelCol");
    }

    /** The predicted text's column, {@link #predictedLabelCol}; there is no default. */
    default String getPredictedLabelCol() {
        return getOrDefault(predictedLabelCol());
    }

    /** Sets the predicted text's column, {@link #predictedLabelCol}. */
    default S setPredictedLabelCol(String value) {
        return put(predictedLabelCol(), value);
    }

    /**
     * A threshold t for each class [C], Spark's {@code HasThresholds}: the class with the largest p / t is predicted, the first
     * of several. All above 0, but one may be 0, which counts as infinitely large. Not set: the largest logit. How many there
     * are is checked by the model, which knows C: {@link IllegalArgumentException} from {@code transform}.
     */
    default DoubleArrayParam thresholds() {
        return paramTable().get("thresholds");
    }

    /** A copy of the thresholds [C], {@link #thresholds}; there is no default. */
    default double[] getThresholds() {
        return getOrDefault(thresholds()).clone();
    }

    /** Sets the thresholds [C], {@link #thresholds}; the array is copied. */
    default S setThresholds(double[] value) {
        return put(thresholds(), value.clone());
    }
}
