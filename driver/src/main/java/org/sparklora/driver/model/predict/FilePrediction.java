package org.sparklora.driver.model.predict;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.driver.cluster.data.DatasetRows;
import org.sparklora.driver.cluster.data.RowOrder;
import org.sparklora.driver.cluster.data.SourcePaths;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.model.predict.HeadOutputs.Column;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.worker.head.MultiLabelHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.head.TokenClassificationHead;

/**
 * Predicts the rows of files and writes files: all columns of the input, {@code prediction}, and for classes {@code
 * probability}, the probability of the predicted class. Several labels are separated by {@code |}, and so are their
 * probabilities. For rows of words, {@code prediction} is an array with each word's tag, null for a word that was cut off. The
 * rows of all part files together are in the order of the input's files and rows.
 */
public final class FilePrediction {

    private static final String PREDICTION = "prediction";
    private static final String PROBABILITY = "probability";

    /** RFC 4180 as in the input, and every key of each JSON object. */
    private static final Map<String, String> OPTIONS = Map.of(
            "header", "true",
            "quote", "\"",
            "escape", "\"",
            "emptyValue", "",
            "ignoreLeadingWhiteSpace", "false",
            "ignoreTrailingWhiteSpace", "false",
            "ignoreNullFields", "false");

    private FilePrediction() {}

    /** Number of rows, and of those without scores. */
    public record Counts(long rows, long withoutScores) {}

    /**
     * Where predictions are written.
     *
     * @param format one of {@link #FORMATS}
     */
    public record Output(String location, String format) {

        /** The formats that can be written; {@code json} is one object a line. */
        private static final List<String> FORMATS = List.of("csv", "json", "parquet");

        /**
         * Checks location and format. Needs no Spark session.
         *
         * @param task the kind of the input's rows
         * @throws OutputException if the location is not empty, or the format cannot hold the predictions
         */
        public static Output of(String location, Optional<String> format, SourceConfig input, Task task) {
            boolean words = task == Task.TOKEN_CLASSIFICATION;
            String chosen = format.orElseGet(() -> isParquet(input) ? "parquet" : words ? "json" : "csv")
                    .toLowerCase(Locale.ROOT);
            if (!FORMATS.contains(chosen)) {
                String problem = "unknown --output-format " + chosen + "; use csv, json or parquet";
                throw new OutputException("output.format", problem);
            }
            if (words && chosen.equals("csv")) {
                String problem = "--output-format csv cannot contain arrays of words and tags; use json or parquet";
                throw new OutputException("output.format", problem);
            }
            try {
                Configuration hadoop = Locations.hadoop();
                Path path = SourcePaths.path(location);
                var files = path.getFileSystem(hadoop);
                if (files.exists(path) && (files.getFileStatus(path).isFile() || files.listStatus(path).length > 0)) {
                    String problem = " already exists and is not empty; choose another --output, or delete it";
                    throw new OutputException("output.not-empty", location + problem);
                }
            } catch (IOException | IllegalArgumentException e) {
                throw OutputException.writing(location, e instanceof IOException io ? io : new IOException(e));
            }
            return new Output(location, chosen);
        }

        private static boolean isParquet(SourceConfig input) {
            return input.format().orElse(input.name()).toLowerCase(Locale.ROOT).endsWith("parquet");
        }
    }

    /**
     * Predicts rows and writes them.
     *
     * @param rows a table made by {@link SourceReader#readWithInput}
     * @param models by which they are computed
     * @param labels label texts in the order of the head's outputs; empty for regression
     */
    public static Counts write(Dataset<Row> rows, RowModels models, TaskHead head, List<String> labels, Output into) {
        StructType input = (StructType) rows.schema().apply(SourceReader.INPUT).dataType();
        List<StructField> predicted = columns(head);
        requireRoom(input, predicted, into);
        Dataset<Row> texts = rows;
        boolean words = head instanceof TokenClassificationHead;
        if (words) {
            DataType array = predicted.get(0).dataType();
            texts = rows.withColumn(SourceReader.TEXT, from_json(col(SourceReader.TEXT), array));
        }
        StructType out = texts.schema();
        for (StructField column : predicted) {
            out = out.add(column);
        }
        int text = out.fieldIndex(SourceReader.TEXT);
        ScoreTexts.Columns columns = new ScoreTexts.Columns(text, out.fieldIndex(SourceReader.TEXT_PAIR), null);
        RowScorer scorer = words ? new ScoreWords(text, labels) : new ScoreTexts(columns, outputs(head, labels));
        SparkContext spark = rows.sparkSession().sparkContext();
        ScoreRows.Counters counters = ScoreRows.Counters.of(spark);
        ScoreRows score = new ScoreRows(models, scorer, counters);
        List<String> written = new ArrayList<>(List.of(SourceReader.INPUT + ".*"));
        predicted.forEach(column -> written.add(column.name()));
        rows.sparkSession()
                .createDataFrame(RowOrder.ordered(texts).mapPartitions(score::call), out)
                .selectExpr(written.toArray(new String[0]))
                .write()
                .format(into.format())
                .options(OPTIONS)
                .mode("overwrite")
                .save(SourcePaths.path(into.location()).toString());
        return new Counts(counters.rows().value(), counters.withoutScores().value());
    }

    private static List<StructField> columns(TaskHead head) {
        if (head instanceof TokenClassificationHead) {
            return List.of(column(PREDICTION, DataTypes.createArrayType(DataTypes.StringType)));
        }
        if (head instanceof RegressionHead) {
            return List.of(column(PREDICTION, DataTypes.DoubleType));
        }
        DataType probability = head instanceof MultiLabelHead ? DataTypes.StringType : DataTypes.DoubleType;
        return List.of(column(PREDICTION, DataTypes.StringType), column(PROBABILITY, probability));
    }

    private static StructField column(String name, DataType type) {
        return DataTypes.createStructField(name, type, true);
    }

    /** The values of {@link #columns}, for heads of texts. */
    private static HeadOutputs outputs(TaskHead head, List<String> labels) {
        if (head instanceof MultiLabelHead sets) {
            List<Column> columns = List.of(Column.JOINED_LABELS, Column.JOINED_PROBABILITIES);
            return HeadOutputs.labelSets(columns, labels, sets.threshold());
        }
        return head instanceof RegressionHead
                ? HeadOutputs.value()
                : HeadOutputs.classes(List.of(Column.CLASS_LABEL, Column.CLASS_PROBABILITY), labels, null);
    }

    /** Checks that no input column has the name of an output column, and that the format can hold all columns. */
    private static void requireRoom(StructType input, List<StructField> predicted, Output into) {
        for (StructField column : predicted) {
            if (!DatasetRows.like(column.name(), input.fieldNames()).isEmpty()) {
                String taken = "the input already has a column '" + column.name();
                throw new DataException(
                        "data.column.conflict", taken + "', the name of a prediction's column; rename it");
            }
        }
        for (StructField column : input.fields()) {
            if (into.format().equals("csv") && SourceReader.isNested(column.dataType())) {
                String type =
                        column.name() + "' is of type " + column.dataType().simpleString();
                String remedy = ", which CSV cannot hold; use --output-format json or parquet";
                throw new DataException("data.column.type", "the input's column '" + type + remedy);
            }
        }
    }
}
