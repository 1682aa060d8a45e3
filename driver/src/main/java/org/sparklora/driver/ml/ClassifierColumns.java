package org.sparklora.driver.ml;

import java.util.List;
import org.apache.spark.ml.attribute.NominalAttribute;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.DoubleArrayParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** The Params of {@link ClassifierParams}, made once for whoever has them, and the columns that they name. */
final class ClassifierColumns {

    final Param<String> probabilityCol;
    final Param<String> rawPredictionCol;
    final Param<String> predictedLabelCol;
    final DoubleArrayParam thresholds;

    ClassifierColumns(ClassifierParams parent) {
        probabilityCol = new Param<>(
                parent, "probabilityCol", "column for the classes' probabilities, a vector [C]; empty: none");
        rawPredictionCol = new Param<>(parent, "rawPredictionCol", "column for the logits, a vector [C]; empty: none");
        predictedLabelCol =
                new Param<>(parent, "predictedLabelCol", "column for the predicted label's text; not set: none");
        thresholds = new DoubleArrayParam(
                parent,
                "thresholds",
                "a threshold for each class: the class with the largest p / t is predicted; all > 0, but one may be 0",
                values -> valid(values));
        parent.setDefault(probabilityCol, "probability");
        parent.setDefault(rawPredictionCol, "rawPrediction");
    }

    private static boolean valid(double[] values) {
        int zeros = 0;
        for (double value : values) {
            if (!(value >= 0)) {
                return false;
            }
            zeros += value == 0 ? 1 : 0;
        }
        return zeros <= 1;
    }

    /**
     * A schema with the classifier's columns.
     *
     * @param labels by index; empty where they are not known yet
     */
    StructType outputs(ClassifierParams of, StructType schema, List<String> labels) {
        StructType with = schema;
        if (!of.getRawPredictionCol().isEmpty()) {
            with = Schemas.with(with, vector(of.getRawPredictionCol()), "rawPredictionCol");
        }
        if (!of.getProbabilityCol().isEmpty()) {
            with = Schemas.with(with, vector(of.getProbabilityCol()), "probabilityCol");
        }
        with = Schemas.with(with, prediction(of.getPredictionCol(), labels), "predictionCol");
        if (of.isDefined(predictedLabelCol)) {
            StructField field = new StructField(
                    of.getPredictedLabelCol(), DataTypes.StringType, true, org.apache.spark.sql.types.Metadata.empty());
            with = Schemas.with(with, field, "predictedLabelCol");
        }
        return with;
    }

    private static StructField vector(String name) {
        return new StructField(name, SQLDataTypes.VectorType(), true, org.apache.spark.sql.types.Metadata.empty());
    }

    /** With the labels' names, which an IndexToString turns back. */
    private static StructField prediction(String name, List<String> labels) {
        StructField plain =
                new StructField(name, DataTypes.DoubleType, true, org.apache.spark.sql.types.Metadata.empty());
        if (labels.isEmpty()) {
            return plain;
        }
        NominalAttribute attribute =
                NominalAttribute.defaultAttr().withName(name).withValues(labels.toArray(new String[0]));
        return new StructField(name, DataTypes.DoubleType, true, attribute.toMetadata());
    }
}
