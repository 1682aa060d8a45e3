package org.sparklora.driver.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaDoubleRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.mllib.evaluation.BinaryClassificationMetrics;
import org.apache.spark.mllib.evaluation.MulticlassMetrics;
import org.apache.spark.mllib.evaluation.RegressionMetrics;
import org.apache.spark.mllib.stat.Statistics;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.driver.cluster.score.EntityCounts;
import org.sparklora.driver.cluster.score.LabelSetCounts;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.head.MultiLabelHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.ScoreShards;
import org.sparklora.worker.spark.ShardLogits;
import scala.Tuple2;

/**
 * Computes validation metrics. {@code loss} is the mean plain loss: without label smoothing, class weights or focal factor.
 *
 * <p>Classification and regression use Spark MLlib's metrics, without the evaluators above them: an evaluator runs a query for
 * each value, which takes longer than a small epoch. {@code f1} is the mean of the classes' F1 weighted by their frequency,
 * {@code auc} is the area under the ROC curve (two classes only). For label sets {@code f1} is the micro average and {@code
 * accuracy} counts whole sets. For tags {@code f1} is the F1 of entities and {@code accuracy} counts words. {@link
 * LabelSetCounts} and {@link EntityCounts} compute these, since MLlib divides by zero if a label never occurs.
 *
 * <p>The rows are in one partition: Spark would merge several in the order in which tasks finish.
 */
public final class Metrics {

    private static final float[] ONE = {1f};

    private Metrics() {}

    /**
     * Computes the metrics of a trained model on labelled rows, as validation during training does.
     *
     * @param labels label texts in the order of the head's outputs; empty for regression
     */
    public static SortedMap<String, Double> of(
            SparkSession session, TrainedModel model, Shards rows, Task task, List<String> labels) {
        Broadcast<TrainedModel> broadcast =
                JavaSparkContext.fromSparkContext(session.sparkContext()).broadcast(model);
        try {
            JavaRDD<ShardLogits> logits = rows.rdd().mapPartitions(new ScoreShards(broadcast));
            return of(session, Predictions.collect(rows, model.head(), logits), model.head(), task, labels);
        } finally {
            // Waits: if Spark still removes it when it is stopped, Spark prints stack traces.
            broadcast.destroy(true);
        }
    }

    static SortedMap<String, Double> of(
            SparkSession session, Predictions predictions, TaskHead head, Task task, List<String> labels) {
        SortedMap<String, Double> metrics = new TreeMap<>();
        metrics.put("loss", meanLoss(predictions, head));
        switch (task) {
            case CLASSIFICATION -> classification(session, predictions, head.outputs(), metrics);
            case REGRESSION -> regression(session, predictions, metrics);
            case MULTI_LABEL -> labelSets(predictions, (MultiLabelHead) head, labels, metrics);
            case TOKEN_CLASSIFICATION -> entities(predictions, labels, metrics);
        }
        return metrics;
    }

    private static void labelSets(
            Predictions predictions, MultiLabelHead head, List<String> names, SortedMap<String, Double> metrics) {
        LabelSetCounts counts = new LabelSetCounts(names.size());
        for (int row = 0; row < predictions.size(); row++) {
            boolean[] guess = new boolean[names.size()];
            boolean[] truth = new boolean[names.size()];
            for (int label = 0; label < names.size(); label++) {
                guess[label] = head.predicts(predictions.logits(row)[label]);
                truth[label] = predictions.labels(row)[label] == 1;
            }
            counts.add(guess, truth);
        }
        metrics.put("accuracy", counts.exactMatch());
        metrics.put("f1", counts.microF1());
        for (int label = 0; label < names.size(); label++) {
            metrics.put("f1_" + names.get(label), counts.f1(label));
        }
    }

    private static void entities(Predictions predictions, List<String> names, SortedMap<String, Double> metrics) {
        EntityCounts counts = new EntityCounts();
        for (int row = 0; row < predictions.size(); row++) {
            List<String> guess = new ArrayList<>();
            List<String> truth = new ArrayList<>();
            float[] labels = predictions.labels(row);
            for (int word = 0; word < labels.length; word++) {
                guess.add(names.get(predictions.argmax(row, word)));
                truth.add(names.get((int) labels[word]));
            }
            counts.add(guess, truth);
        }
        metrics.put("accuracy", counts.accuracy());
        metrics.put("precision", counts.precision());
        metrics.put("recall", counts.recall());
        metrics.put("f1", counts.f1());
    }

    private static double meanLoss(Predictions predictions, TaskHead head) {
        double sum = 0;
        double weight = 0;
        for (int row = 0; row < predictions.size(); row++) {
            sum += head.loss(predictions.logits(row), predictions.labels(row));
            weight += head.weight(predictions.labels(row), ONE, LossSettings.PLAIN);
        }
        // There is no loss if all labelled words were cut off.
        return weight == 0 ? 0 : sum / weight;
    }

    private static void classification(
            SparkSession session, Predictions predictions, int classes, SortedMap<String, Double> metrics) {
        MulticlassMetrics counts = new MulticlassMetrics(pairs(session, predictions, predictions::argmax));
        metrics.put("accuracy", counts.accuracy());
        metrics.put("f1", counts.weightedFMeasure());
        if (classes == 2) {
            RDD<Tuple2<Object, Object>> scores = pairs(session, predictions, row -> {
                float[] logits = predictions.logits(row);
                return (double) logits[1] - logits[0];
            });
            BinaryClassificationMetrics curve = new BinaryClassificationMetrics(scores, 0);
            metrics.put("auc", curve.areaUnderROC());
            curve.unpersist();
        }
    }

    private static void regression(SparkSession session, Predictions predictions, SortedMap<String, Double> metrics) {
        IntToDoubleFunction value = row -> predictions.logits(row)[0];
        metrics.put("mse", new RegressionMetrics(pairs(session, predictions, value)).meanSquaredError());
        JavaDoubleRDD predicted = column(session, predictions, value);
        JavaDoubleRDD wanted = column(session, predictions, predictions::label);
        metrics.put("pearson", Statistics.corr(predicted.srdd(), wanted.srdd(), "pearson"));
        metrics.put("spearman", Statistics.corr(predicted.srdd(), wanted.srdd(), "spearman"));
    }

    /** The pairs (prediction, label) of all rows, of {@code Double}. */
    private static RDD<Tuple2<Object, Object>> pairs(
            SparkSession session, Predictions predictions, IntToDoubleFunction prediction) {
        List<Tuple2<Object, Object>> pairs = new ArrayList<>();
        for (int row = 0; row < predictions.size(); row++) {
            pairs.add(new Tuple2<>(prediction.applyAsDouble(row), (double) predictions.label(row)));
        }
        return JavaSparkContext.fromSparkContext(session.sparkContext())
                .parallelize(pairs, 1)
                .rdd();
    }

    private static JavaDoubleRDD column(SparkSession session, Predictions predictions, IntToDoubleFunction value) {
        List<Double> values = IntStream.range(0, predictions.size())
                .mapToDouble(value)
                .boxed()
                .toList();
        return JavaSparkContext.fromSparkContext(session.sparkContext()).parallelizeDoubles(values, 1);
    }
}
