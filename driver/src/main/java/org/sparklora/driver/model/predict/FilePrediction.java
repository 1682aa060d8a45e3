package org.sparklora.driver.model.predict;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.LongAccumulator;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.driver.cluster.data.RowKind;
import org.sparklora.driver.cluster.data.Source;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.worker.head.Logits;
import org.sparklora.worker.head.MultiLabelHead;
import org.sparklora.worker.head.TokenClassificationHead;
import org.sparklora.worker.inference.TrainedModel;

/**
 * A run's predictions of the rows of files, written to files: all columns of the input, {@code prediction}, and for classes
 * {@code probability}, that of the class predicted; of several labels each, with a bar between. Of rows of words, an array with
 * each word's tag, null for a word that was cut off. Rows are in the order of the input's files and rows, over all part files.
 */
public final class FilePrediction {

    private static final String PREDICTION = "prediction";
    private static final String PROBABILITY = "probability";

    /** The tags of a row's words. */
    private static final StructField TAGS =
            DataTypes.createStructField(PREDICTION, DataTypes.createArrayType(DataTypes.StringType), true);

    private FilePrediction() {}

    /** How many rows there were. */
    public record Counts(long rows, long withoutText) {}

    /**
     * Where predictions go.
     *
     * @param format one of {@link #FORMATS}
     */
    public record Output(String location, String format) {

        /** What can be written; {@code json} is one object a line. */
        private static final List<String> FORMATS = List.of("csv", "json", "parquet");

        /**
         * Refuses a place that holds something, and a format that cannot be written: what can be told before Spark starts.
         *
         * @param rows what the input's rows hold
         */
        public static Output of(String location, Optional<String> format, Source input, RowKind rows) {
            boolean words = rows == RowKind.TAGGED_WORDS;
            String chosen = format.orElseGet(() -> isParquet(input) ? "parquet" : words ? "json" : "csv")
                    .toLowerCase(Locale.ROOT);
            if (!FORMATS.contains(chosen)) {
                throw new OutputException(
                        "--output-format " + chosen + " is none of csv, json and parquet; give one of them");
            }
            if (words && chosen.equals("csv")) {
                throw new OutputException(
                        "--output-format csv cannot hold arrays of words and tags; give json or parquet");
            }
            try {
                Configuration hadoop = Locations.hadoop();
                Path path = new Path(location);
                var files = path.getFileSystem(hadoop);
                if (files.exists(path) && (files.getFileStatus(path).isFile() || files.listStatus(path).length > 0)) {
                    throw new OutputException(
                            location + " is there already and not empty; give another --output, or remove it");
                }
            } catch (IOException | IllegalArgumentException e) {
                throw OutputException.writing(location, e instanceof IOException io ? io : new IOException(e));
            }
            return new Output(location, chosen);
        }

        private static boolean isParquet(Source input) {
            return input.format().orElse(input.path()).toLowerCase(Locale.ROOT).endsWith("parquet");
        }
    }

    /**
     * Predicts and writes rows that {@link SourceReader#readWithInput} read.
     *
     * @param labels label texts in the order of the head's outputs; empty for regression
     */
    public static Counts write(Dataset<Row> rows, TrainedModel model, List<String> labels, Output into) {
        SparkSession session = rows.sparkSession();
        StructType input = (StructType) rows.schema().apply(SourceReader.INPUT).dataType();
        LongAccumulator withoutText = session.sparkContext().longAccumulator("rows without text");
        LongAccumulator counted = session.sparkContext().longAccumulator("rows");
        boolean words = model.head() instanceof TokenClassificationHead;
        FileOutputs outputs = new FileOutputs(labels, model.head() instanceof MultiLabelHead);
        List<StructField> predicted = words ? List.of(TAGS) : outputs.columns();
        requireRoom(input, predicted, into);
        Dataset<Row> ordered = rows.orderBy(SourceReader.FILE, SourceReader.ROW);
        if (words) {
            ordered = ordered.withColumn(SourceReader.TEXT, from_json(col(SourceReader.TEXT), TAGS.dataType()));
        }
        StructType out = ordered.schema();
        for (StructField column : predicted) {
            out = out.add(column);
        }
        int text = out.fieldIndex(SourceReader.TEXT);
        RowScorer scorer = words
                ? new ScoreWords(text, labels)
                : new ScoreTexts(new ScoreTexts.Columns(text, out.fieldIndex(SourceReader.TEXT_PAIR), null), outputs);
        ScoreRows score = new ScoreRows(
                JavaSparkContext.fromSparkContext(session.sparkContext()).broadcast(model),
                scorer,
                new ScoreRows.Counters(counted, withoutText));
        List<String> columns = new ArrayList<>(List.of(SourceReader.INPUT + ".*"));
        predicted.forEach(column -> columns.add(column.name()));
        ordered.mapPartitions(score, Encoders.row(out))
                .selectExpr(columns.toArray(new String[0]))
                .write()
                .format(into.format())
                .option("header", "true")
                .option("quote", "\"")
                .option("escape", "\"")
                .option("emptyValue", "")
                .option("ignoreLeadingWhiteSpace", "false")
                .option("ignoreTrailingWhiteSpace", "false")
                .option("ignoreNullFields", "false")
                .mode("overwrite")
                .save(into.location());
        return new Counts(counted.value(), withoutText.value());
    }

    /** Refuses columns that predictions would be written over, and columns that the format cannot hold. */
    private static void requireRoom(StructType input, List<StructField> predicted, Output into) {
        for (StructField column : predicted) {
            if (Arrays.asList(input.fieldNames()).contains(column.name())) {
                throw new DataException("the input already has a column '" + column.name()
                        + "', which predictions are written to; rename it");
            }
        }
        for (StructField column : input.fields()) {
            DataType type = column.dataType();
            if (into.format().equals("csv")
                    && (type instanceof ArrayType || type instanceof StructType || type instanceof MapType)) {
                throw new DataException("the input's column '" + column.name() + "' is of type " + type.simpleString()
                        + ", which CSV cannot hold; give --output-format json or parquet");
            }
        }
    }

    /** The predicted label with its probability, or the predicted value. */
    private static final class FileOutputs implements RowOutputs, Serializable {

        private static final long serialVersionUID = 1L;

        /** Between the labels of a row, as in the data that such models are trained on. */
        private static final String BETWEEN = "|";

        private final ArrayList<String> labels;
        private final boolean anyNumber;

        FileOutputs(List<String> labels, boolean anyNumber) {
            this.labels = new ArrayList<>(labels);
            this.anyNumber = anyNumber;
        }

        List<StructField> columns() {
            if (labels.isEmpty()) {
                return List.of(DataTypes.createStructField(PREDICTION, DataTypes.DoubleType, true));
            }
            return List.of(
                    DataTypes.createStructField(PREDICTION, DataTypes.StringType, true),
                    DataTypes.createStructField(
                            PROBABILITY, anyNumber ? DataTypes.StringType : DataTypes.DoubleType, true));
        }

        @Override
        public int width() {
            return labels.isEmpty() ? 1 : 2;
        }

        @Override
        public Object[] of(float[] logits) {
            if (labels.isEmpty()) {
                return new Object[] {(double) logits[0]};
            }
            if (anyNumber) {
                return labelSet(logits);
            }
            int best = Logits.argmax(logits);
            return new Object[] {labels.get(best), Logits.softmax(logits)[best]};
        }

        /** The labels whose sigmoid is above one half, and their probabilities, both in the labels' order. */
        private Object[] labelSet(float[] logits) {
            List<String> predicted = new ArrayList<>();
            List<String> probabilities = new ArrayList<>();
            double[] all = Logits.sigmoid(logits);
            for (int c = 0; c < logits.length; c++) {
                if (logits[c] > 0) {
                    predicted.add(labels.get(c));
                    probabilities.add(Double.toString(all[c]));
                }
            }
            return new Object[] {String.join(BETWEEN, predicted), String.join(BETWEEN, probabilities)};
        }
    }
}
