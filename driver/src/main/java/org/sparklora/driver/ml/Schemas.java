package org.sparklora.driver.ml;

import java.util.List;
import java.util.function.Predicate;
import org.apache.spark.ml.attribute.NominalAttribute;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.cluster.data.DatasetRows;
import org.sparklora.worker.contract.CodedException;

/** Checks a dataset's columns. An error names the Param, the column, and what the dataset has. */
final class Schemas {

    private Schemas() {}

    /** Texts, and where pairs are asked for also second texts. */
    static void requireTextOrPair(StructType schema, TextParams<?> of) {
        requireText(schema, of.getTextCol(), "textCol");
        if (of.isDefined(of.textPairCol())) {
            requireText(schema, of.getTextPairCol(), "textPairCol");
        }
    }

    private static void requireText(StructType schema, String column, String param) {
        require(schema, column, param, "texts", type -> type instanceof StringType);
    }

    static void requireNumber(StructType schema, String column, String param) {
        require(schema, column, param, "numbers", type -> type instanceof NumericType);
    }

    static void requireBoolean(StructType schema, String column, String param) {
        require(schema, column, param, "true or false", type -> type instanceof BooleanType);
    }

    /** Texts or numbers, and for classes also true and false. */
    static void requireLabel(StructType schema, String column, boolean classes) {
        Predicate<DataType> fits = type ->
                type instanceof StringType || type instanceof NumericType || (classes && type instanceof BooleanType);
        require(schema, column, "labelCol", "texts or numbers", fits);
    }

    static void requireTexts(StructType schema, String column, String param) {
        require(schema, column, param, "arrays of texts", Schemas::isTexts);
    }

    /** Any number of labels: an array, or a text with bars between. */
    static void requireLabels(StructType schema, String column) {
        Predicate<DataType> fits = type -> type instanceof StringType || isTexts(type);
        require(schema, column, "labelCol", "arrays of texts, or texts with | between labels", fits);
    }

    private static boolean isTexts(DataType type) {
        return type instanceof ArrayType array && array.elementType() instanceof StringType;
    }

    /** The name of a Param's column as the dataset has it, compared as the session compares names. */
    static String name(StructType schema, String column, String param) {
        List<String> found = DatasetRows.like(column, schema.fieldNames());
        if (found.size() != 1) {
            String code = found.isEmpty() ? "data.column.missing" : "data.column.ambiguous";
            String has =
                    found.isEmpty() ? "only " + String.join(", ", schema.fieldNames()) : String.join(" and ", found);
            throw refusal(code, param + " names the column '" + column + "', but the dataset has " + has);
        }
        return found.get(0);
    }

    private static void require(
            StructType schema, String column, String param, String holds, Predicate<DataType> fits) {
        StructField field = schema.apply(name(schema, column, param));
        if (!fits.test(field.dataType())) {
            throw refusal(
                    "data.column.type",
                    param + " names the column '" + column + "', which is of type "
                            + field.dataType().simpleString() + "; it must hold " + holds);
        }
    }

    /** A schema with the columns of a model of values. */
    static StructType withValue(TextParams<?> of, StructType schema) {
        return with(schema, of.getPredictionCol(), DataTypes.DoubleType, "predictionCol");
    }

    /** A schema with the column of a model whose prediction is an array of texts. */
    static StructType withTexts(TextParams<?> of, StructType schema) {
        return with(schema, of.getPredictionCol(), DataTypes.createArrayType(DataTypes.StringType), "predictionCol");
    }

    /** A schema with the columns of a model of label sets. */
    static StructType withLabelSets(MultiLabelParams<?> of, StructType schema) {
        return withTexts(of, withVectors(of, schema));
    }

    /**
     * A schema with the columns of a classifier.
     *
     * @param labels by index, which an IndexToString turns back; empty where they are not known yet
     */
    static StructType withClass(ClassifierParams<?> of, StructType schema, List<String> labels) {
        String name = of.getPredictionCol();
        NominalAttribute names =
                NominalAttribute.defaultAttr().withName(name).withValues(labels.toArray(new String[0]));
        Metadata metadata = labels.isEmpty() ? Metadata.empty() : names.toMetadata();
        StructField prediction = new StructField(name, DataTypes.DoubleType, true, metadata);
        StructType with = with(withVectors(of, schema), prediction, "predictionCol");
        return of.isDefined(of.predictedLabelCol())
                ? with(with, of.getPredictedLabelCol(), DataTypes.StringType, "predictedLabelCol")
                : with;
    }

    /** A schema with the vectors that are asked for: logits, then probabilities. */
    private static StructType withVectors(LogitParams<?> of, StructType schema) {
        return withVector(
                withVector(schema, of.getRawPredictionCol(), "rawPredictionCol"),
                of.getProbabilityCol(),
                "probabilityCol");
    }

    private static StructType withVector(StructType schema, String name, String param) {
        return name.isEmpty() ? schema : with(schema, name, SQLDataTypes.VectorType(), param);
    }

    /** A schema with one more column, which must be new. */
    static StructType with(StructType schema, String name, DataType type, String param) {
        return with(schema, DataTypes.createStructField(name, type, true), param);
    }

    private static StructType with(StructType schema, StructField field, String param) {
        if (!DatasetRows.like(field.name(), schema.fieldNames()).isEmpty()) {
            throw refusal(
                    "data.column.conflict",
                    "the dataset already has a column '" + field.name() + "'; set " + param
                            + " to another name, or drop the column");
        }
        return schema.add(field);
    }

    /** Spark ML's own exception for wrong Params and schemas, with an error code. */
    static IllegalArgumentException refusal(String code, String message) {
        return new IllegalArgumentException(CodedException.withCode(code, message));
    }
}
