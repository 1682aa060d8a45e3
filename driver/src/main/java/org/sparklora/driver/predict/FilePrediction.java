package org.sparklora.driver.predict;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.LongAccumulator;
import org.sparklora.driver.data.DataException;
import org.sparklora.driver.data.Source;
import org.sparklora.driver.data.SourceReader;
import org.sparklora.driver.report.OutputException;
import org.sparklora.worker.head.MultiLabelHead;
import org.sparklora.worker.inference.TrainedModel;

/**
 * A run's predictions of the rows of files, written to files: all columns of the input, {@code prediction}, and for classes
 * {@code probability}, that of the class predicted; of several labels each, with a bar between. Rows are in the order of the input's files and rows, over all part files.
 */
public final class FilePrediction {

    private static final String PREDICTION = "prediction";
    private static final String PROBABILITY = "probability";

    private FilePrediction() {}

    /** How many rows there were. */
    public record Counts(long rows, long withoutText) {}

    /**
     * Where predictions go.
     *
     * @param format {@code csv} or {@code parquet}
     */
    public record Output(String location, String format) {

        /** Refuses a place that holds something, and a format that there is none of: what can be told before Spark starts. */
        public static Output of(String location, Optional<String> format, Source input) {
            String chosen =
                    format.orElseGet(() -> isParquet(input) ? "parquet" : "csv").toLowerCase(Locale.ROOT);
            if (!List.of("csv", "parquet").contains(chosen)) {
                throw new OutputException(
                        "--output-format " + chosen + " is neither csv nor parquet; give one of them");
            }
            try {
                Configuration hadoop = SparkHadoopUtil.get().newConfiguration(new SparkConf());
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
        FileOutputs outputs = new FileOutputs(labels, model.head() instanceof MultiLabelHead);
        StructType out = rows.schema();
        for (StructField column : outputs.columns()) {
            if (Arrays.asList(input.fieldNames()).contains(column.name())) {
                throw new DataException("the input already has a column '" + column.name()
                        + "', which predictions are written to; rename it");
            }
            out = out.add(column);
        }
        Dataset<Row> ordered = rows.orderBy(SourceReader.FILE, SourceReader.ROW);
        ScoreRows score = new ScoreRows(
                JavaSparkContext.fromSparkContext(session.sparkContext()).broadcast(model),
                new ScoreTexts(
                        new ScoreTexts.Columns(
                                out.fieldIndex(SourceReader.TEXT), out.fieldIndex(SourceReader.TEXT_PAIR), null),
                        outputs),
                new ScoreRows.Counters(counted, withoutText));
        List<String> columns = new ArrayList<>(List.of(SourceReader.INPUT + ".*"));
        outputs.columns().forEach(column -> columns.add(column.name()));
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
                .mode("overwrite")
                .save(into.location());
        return new Counts(counted.value(), withoutText.value());
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
            double[] probabilities = Softmax.of(logits);
            int best = 0;
            for (int c = 1; c < logits.length; c++) {
                best = logits[c] > logits[best] ? c : best;
            }
            return new Object[] {labels.get(best), probabilities[best]};
        }

        /** The labels whose sigmoid is above one half, and their probabilities, both in the labels' order. */
        private Object[] labelSet(float[] logits) {
            List<String> predicted = new ArrayList<>();
            List<String> probabilities = new ArrayList<>();
            double[] all = Sigmoid.of(logits);
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
