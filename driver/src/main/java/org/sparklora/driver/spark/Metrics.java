package org.sparklora.driver.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntToDoubleFunction;
import org.apache.spark.api.java.JavaDoubleRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.evaluation.BinaryClassificationEvaluator;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.evaluation.RegressionEvaluator;
import org.apache.spark.mllib.stat.Statistics;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.sparklora.worker.head.TaskHead;

/**
 * Validation metrics, by Spark MLlib's evaluators where they have them. {@code f1} is the mean of the classes' F1 by
 * their frequency, {@code auc} the area under the ROC curve (two classes only), {@code loss} the mean loss without
 * label smoothing.
 *
 * <p>The rows lie in one partition: several would be merged in the order in which tasks finish.
 */
final class Metrics {

    private static final float[] ONE = {1f};

    private Metrics() {}

    static SortedMap<String, Double> of(SparkSession session, Predictions predictions, TaskHead head) {
        SortedMap<String, Double> metrics = new TreeMap<>();
        metrics.put("loss", meanLoss(predictions, head));
        if (head.outputs() == 1) {
            regression(session, predictions, metrics);
        } else {
            classification(session, predictions, head.outputs(), metrics);
        }
        return metrics;
    }

    private static double meanLoss(Predictions predictions, TaskHead head) {
        double sum = 0;
        double weight = 0;
        for (int row = 0; row < predictions.size(); row++) {
            sum += head.loss(predictions.logits(row), predictions.labels(row));
            weight += head.weight(predictions.labels(row), ONE);
        }
        return sum / weight;
    }

    private static void classification(
            SparkSession session, Predictions predictions, int classes, SortedMap<String, Double> metrics) {
        Dataset<Row> rows = rows(session, predictions, predictions::argmax);
        MulticlassClassificationEvaluator evaluator = new MulticlassClassificationEvaluator();
        metrics.put("accuracy", evaluator.setMetricName("accuracy").evaluate(rows));
        metrics.put("f1", evaluator.setMetricName("f1").evaluate(rows));
        if (classes == 2) {
            Dataset<Row> scores = rows(session, predictions, row -> {
                float[] logits = predictions.logits(row);
                return (double) logits[1] - logits[0];
            });
            metrics.put(
                    "auc",
                    new BinaryClassificationEvaluator()
                            .setRawPredictionCol("prediction")
                            .setMetricName("areaUnderROC")
                            .setNumBins(0)
                            .evaluate(scores));
        }
    }

    private static void regression(SparkSession session, Predictions predictions, SortedMap<String, Double> metrics) {
        IntToDoubleFunction value = row -> predictions.logits(row)[0];
        Dataset<Row> rows = rows(session, predictions, value);
        metrics.put("mse", new RegressionEvaluator().setMetricName("mse").evaluate(rows));
        JavaDoubleRDD predicted = column(session, predictions, value);
        JavaDoubleRDD wanted = column(session, predictions, predictions::label);
        metrics.put("pearson", Statistics.corr(predicted.srdd(), wanted.srdd(), "pearson"));
        metrics.put("spearman", Statistics.corr(predicted.srdd(), wanted.srdd(), "spearman"));
    }

    private static Dataset<Row> rows(SparkSession session, Predictions predictions, IntToDoubleFunction prediction) {
        List<Row> rows = new ArrayList<>();
        for (int row = 0; row < predictions.size(); row++) {
            rows.add(RowFactory.create((double) predictions.label(row), prediction.applyAsDouble(row)));
        }
        StructType schema = new StructType().add("label", DataTypes.DoubleType).add("prediction", DataTypes.DoubleType);
        return session.createDataFrame(rows, schema).coalesce(1);
    }

    private static JavaDoubleRDD column(SparkSession session, Predictions predictions, IntToDoubleFunction value) {
        List<Double> values = new ArrayList<>();
        for (int row = 0; row < predictions.size(); row++) {
            values.add(value.applyAsDouble(row));
        }
        return JavaSparkContext.fromSparkContext(session.sparkContext()).parallelizeDoubles(values, 1);
    }
}
