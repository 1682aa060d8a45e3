package org.sparklora.driver.ml;

import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.sql.types.StructType;

/** The Params of {@link MultiLabelParams}, created once for each estimator or model, and the columns that they name. */
final class MultiLabelColumns extends LogitColumns {

    final DoubleParam threshold;

    MultiLabelColumns(MultiLabelParams<?> parent) {
        super(parent, "labels");
        threshold = new DoubleParam(
                parent,
                "threshold",
                "probability that a label must exceed to be predicted, in [0, 1]",
                ParamValidators.inRange(0, 1));
        parent.setDefault(threshold, (Object) 0.5);
    }

    /** A schema with the columns. */
    static StructType outputs(MultiLabelParams<?> of, StructType schema) {
        return Schemas.withTexts(vectors(of, schema), of.getPredictionCol());
    }
}
