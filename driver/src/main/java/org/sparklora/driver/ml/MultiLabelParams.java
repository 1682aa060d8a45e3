package org.sparklora.driver.ml;

import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.Param;

/** Params of multi-label classifiers and their models. */
public interface MultiLabelParams extends TextParams {

    /** Column of each label's probability, a vector [C]. */
    Param<String> probabilityCol();

    /** Column of the logits, a vector [C]. */
    Param<String> rawPredictionCol();

    /** Probability that a label must exceed to be predicted. */
    DoubleParam threshold();

    default String getProbabilityCol() {
        return getOrDefault(probabilityCol());
    }

    default String getRawPredictionCol() {
        return getOrDefault(rawPredictionCol());
    }

    default double getThreshold() {
        return (Double) getOrDefault(threshold());
    }
}
