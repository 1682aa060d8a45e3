package org.sparklora.driver.ml;

import java.util.List;
import org.apache.spark.ml.attribute.NominalAttribute;
import org.apache.spark.ml.param.DoubleArrayParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** The Params of {@link ClassifierParams}, created once for each estimator or model, and the columns that they name. */
final class ClassifierColumns extends LogitColumns {

    final Param<String> predictedLabelCol;
    final DoubleArrayParam thresholds;

    ClassifierColumns(ClassifierParams<?> parent) {
        super(parent, "classes");
        predictedLabelCol =
                new Param<>(parent, "predictedLabelCol", "column for the predicted label's text; not set: none");
        thresholds = new DoubleArrayParam(
                parent,
                "thresholds",
                "a threshold for each class: the class with the largest p / t is predicted; all > 0, but one may be 0",
                values -> valid(values));
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
    static StructType outputs(ClassifierParams<?> of, StructType schema, List<String> labels) {
        StructType with = Schemas.with(vectors(of, schema), prediction(of.getPredictionCol(), labels), "predictionCol");
        if (!of.isDefined(of.predictedLabelCol())) {
            return with;
        }
        StructField said = DataTypes.createStructField(of.getPredictedLabelCol(), DataTypes.StringType, true);
        return Schemas.with(with, said, "predictedLabelCol");
    }

    /** With the labels' names, which an IndexToString turns back. */
    private static StructField prediction(String name, List<String> labels) {
        if (labels.isEmpty()) {
            return DataTypes.createStructField(name, DataTypes.DoubleType, true);
        }
        NominalAttribute attribute =
                NominalAttribute.defaultAttr().withName(name).withValues(labels.toArray(new String[0]));
        return new StructField(name, DataTypes.DoubleType, true, attribute.toMetadata());
    }
}
