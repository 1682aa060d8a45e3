package org.sparklora.driver.ml;

import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The Params of {@link MultiLabelParams}, made once for whoever has them, and the columns that they name. */
final class MultiLabelColumns {

    final Param<String> probabilityCol;
    final Param<String> rawPredictionCol;
    final DoubleParam threshold;

    MultiLabelColumns(MultiLabelParams parent) {
        probabilityCol = new Param<>(
                parent, "probabilityCol", "column for the labels' probabilities, a vector [C]; empty: none");
        rawPredictionCol = new Param<>(parent, "rawPredictionCol", "column for the logits, a vector [C]; empty: none");
        threshold = new DoubleParam(
                parent,
                "threshold",
                "probability that a label must exceed to be predicted, in [0, 1]",
                ParamValidators.inRange(0, 1));
        parent.setDefault(probabilityCol, "probability");
        parent.setDefault(rawPredictionCol, "rawPrediction");
        parent.setDefault(threshold, (Object) 0.5);
    }

    /** A schema with the columns. */
    StructType outputs(MultiLabelParams of, StructType schema) {
        StructType with = schema;
        if (!of.getRawPredictionCol().isEmpty()) {
            with = Schemas.with(
                    with,
                    DataTypes.createStructField(of.getRawPredictionCol(), SQLDataTypes.VectorType(), true),
                    "rawPredictionCol");
        }
        if (!of.getProbabilityCol().isEmpty()) {
            with = Schemas.with(
                    with,
                    DataTypes.createStructField(of.getProbabilityCol(), SQLDataTypes.VectorType(), true),
                    "probabilityCol");
        }
        return Schemas.with(
                with,
                DataTypes.createStructField(
                        of.getPredictionCol(), DataTypes.createArrayType(DataTypes.StringType), true),
                "predictionCol");
    }
}
