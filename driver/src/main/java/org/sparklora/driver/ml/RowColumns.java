package org.sparklora.driver.ml;

import org.apache.spark.ml.param.Param;

/** The Params of {@link RowParams}, created once for each estimator or model. */
final class RowColumns {

    final Param<String> labelCol;
    final Param<String> weightCol;
    final Param<String> validationIndicatorCol;

    RowColumns(RowParams<?> parent) {
        labelCol = new Param<>(parent, "labelCol", "column of the label");
        weightCol = new Param<>(
                parent,
                "weightCol",
                "column of each row's weight in the loss, at least 0; not set: every row counts 1");
        validationIndicatorCol = new Param<>(
                parent,
                "validationIndicatorCol",
                "column that is true for rows to validate on after each epoch, instead of training");
        parent.setDefault(labelCol, "label");
    }
}
