package org.sparklora.driver.ml;

import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.Param;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** The Params of {@link LogitParams}, created once for each estimator or model, and the columns that they name. */
class LogitColumns extends TextColumns {

    final Param<String> probabilityCol;
    final Param<String> rawPredictionCol;

    /**
     * @param whose what the probabilities are of, for {@code explainParams}
     */
    LogitColumns(LogitParams<?> parent, String whose) {
        super(parent);
        probabilityCol = new Param<>(
                parent, "probabilityCol", "column for the " + whose + "' probabilities, a vector [C]; empty: none");
        rawPredictionCol = new Param<>(parent, "rawPredictionCol", "column for the logits, a vector [C]; empty: none");
        parent.setDefault(probabilityCol, "probability");
        parent.setDefault(rawPredictionCol, "rawPrediction");
    }

    /** A schema with the vectors that are asked for: logits, then probabilities. */
    static StructType vectors(LogitParams<?> of, StructType schema) {
        StructType logits = vector(schema, of.getRawPredictionCol(), "rawPredictionCol");
        return vector(logits, of.getProbabilityCol(), "probabilityCol");
    }

    private static StructType vector(StructType schema, String name, String param) {
        return name.isEmpty()
                ? schema
                : Schemas.with(schema, DataTypes.createStructField(name, SQLDataTypes.VectorType(), true), param);
    }
}
