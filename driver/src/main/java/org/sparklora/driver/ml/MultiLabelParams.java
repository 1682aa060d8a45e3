package org.sparklora.driver.ml;

import org.apache.spark.ml.param.DoubleParam;

/**
 * Params of multi-label classifiers and their models. The prediction is the array of predicted labels' texts, in the order of
 * the outputs.
 *
 * @param <S> the estimator or model itself
 */
public interface MultiLabelParams<S extends MultiLabelParams<S>> extends LogitParams<S> {

    /** Probability, in [0, 1], that a label must exceed to be predicted, one for all labels. Default 0.5: a logit above 0. */
    default DoubleParam threshold() {
        return paramTable().get("threshold");
    }

    /** The probability to exceed, {@link #threshold}. */
    default double getThreshold() {
        return (Double) getOrDefault(threshold());
    }

    /** Sets the probability to exceed, in [0, 1], {@link #threshold}. */
    default S setThreshold(double value) {
        return put(threshold(), value);
    }
}
