package org.sparklora.driver.ml;

import org.apache.spark.ml.param.StringArrayParam;

/**
 * The labels of an estimator whose head has an output for each: texts, texts of sets, or tags.
 *
 * @param <S> the estimator itself
 */
public interface LabelsParam<S extends LabelsParam<S>> extends ChainedParams<S> {

    /**
     * The C labels in the order of the head's outputs, so that a class's index is its place here. {@code model.labels} of a job
     * file. Not set: those of the rows, sorted; class indices keep their order and the names that a StringIndexer left. A row
     * with any other label ends {@code fit} with {@link org.sparklora.driver.cluster.data.DataException}.
     */
    default StringArrayParam labels() {
        return paramTable().get("labels");
    }

    /** A copy of the labels [C], {@link #labels}; there is no default. */
    default String[] getLabels() {
        return getOrDefault(labels()).clone();
    }

    /** Sets the labels [C], {@link #labels}; the array is copied. */
    default S setLabels(String[] value) {
        return put(labels(), value.clone());
    }
}
