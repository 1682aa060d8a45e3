package org.sparklora.driver.ml;

import org.apache.spark.ml.param.Param;

/**
 * Params of estimators for what a row is beside its text: label, weight, and whether it is held out. In a job file the keys of
 * {@code data.train} and {@code data.validation}.
 *
 * @param <S> the estimator itself
 */
public interface RowParams<S extends RowParams<S>> extends ChainedParams<S> {

    /**
     * Column of the label, Spark's {@code HasLabelCol}: what it may hold says the estimator. Default {@code label}, of words'
     * tags {@code tags}. A row without label ends {@code fit} with {@link org.sparklora.driver.cluster.data.DataException}.
     */
    default Param<String> labelCol() {
        return paramTable().get("labelCol");
    }

    /** The label's column, {@link #labelCol}. */
    default String getLabelCol() {
        return getOrDefault(labelCol());
    }

    /** Sets the label's column, {@link #labelCol}. */
    default S setLabelCol(String value) {
        return put(labelCol(), value);
    }

    /**
     * Column of each row's weight w in the loss, Spark's {@code HasWeightCol}: numbers, at least 0; a batch's loss is Σ w loss
     * / Σ w. Not set: every row counts 1.
     */
    default Param<String> weightCol() {
        return paramTable().get("weightCol");
    }

    /** The weight's column, {@link #weightCol}; there is no default. */
    default String getWeightCol() {
        return getOrDefault(weightCol());
    }

    /** Sets the weight's column, {@link #weightCol}. */
    default S setWeightCol(String value) {
        return put(weightCol(), value);
    }

    /**
     * Column of booleans, Spark's {@code HasValidationIndicatorCol}: true for rows to validate on after each epoch, instead of
     * training; a row where it is null is in neither part. Not set: no validation.
     */
    default Param<String> validationIndicatorCol() {
        return paramTable().get("validationIndicatorCol");
    }

    /** The column of rows held out, {@link #validationIndicatorCol}; there is no default. */
    default String getValidationIndicatorCol() {
        return getOrDefault(validationIndicatorCol());
    }

    /** Sets the column of rows held out, {@link #validationIndicatorCol}. */
    default S setValidationIndicatorCol(String value) {
        return put(validationIndicatorCol(), value);
    }
}
