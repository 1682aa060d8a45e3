package org.sparklora.driver.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.correlation.PearsonsCorrelation;
import org.apache.commons.math3.stat.correlation.SpearmansCorrelation;
import org.apache.commons.math3.util.MathArrays;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.mllib.evaluation.MulticlassMetrics;
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
import org.sparklora.worker.spark.Shared;
import scala.Tuple2;

/**
 * Computes validation metrics. {@code loss} is the mean plain loss: without label smoothing, class weights or focal factor.
 *
 * <p>Classification uses Spark MLlib's metrics, without the evaluators above them: an evaluator runs a query for each value,
 * which takes longer than a small epoch. {@code f1} is the mean of the classes' F1 weighted by their frequency, {@code auc} is
 * the area under the ROC curve (two classes only). For label sets {@code f1} is the micro average and {@code accuracy} counts
 * whole sets. For tags {@code f1} is the F1 of entities and {@code accuracy} counts words. {@link LabelSetCounts} and {@link
 * EntityCounts} compute these, since MLlib divides by zero if a label never occurs. Areas are counted here, and correlations
 * are those of Commons Math: MLlib sends classes between tasks that Kryo refuses if {@code spark.kryo.registrationRequired} is
 * set.
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
        Shared<TrainedModel> shared = Shared.of(JavaSparkContext.fromSparkContext(session.sparkContext()), model);
        try {
            JavaRDD<ShardLogits> logits = rows.rdd().mapPartitions(new ScoreShards(shared));
            return of(session, Predictions.collect(rows, model.head(), logits), model.head(), task, labels);
        } finally {
            // Waits: if Spark still removes it when it is stopped, Spark prints stack traces.
            shared.destroy(true);
        }
    }

    static SortedMap<String, Double> of(
            SparkSession session, Predictions predictions, TaskHead head, Task task, List<String> labels) {
        SortedMap<String, Double> metrics = new TreeMap<>();
        metrics.put("loss", meanLoss(predictions, head));
        switch (task) {
            case CLASSIFICATION -> classification(session, predictions, head.outputs(), metrics);
            case REGRESSION -> regression(predictions, metrics);
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
        List<Tuple2<Object, Object>> pairs = new ArrayList<>();
        for (int row = 0; row < predictions.size(); row++) {
            pairs.add(new Tuple2<>((double) predictions.argmax(row), (double) predictions.label(row)));
        }
        JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        MulticlassMetrics counts =
                new MulticlassMetrics(spark.parallelize(pairs, 1).rdd());
        metrics.put("accuracy", counts.accuracy());
        metrics.put("f1", counts.weightedFMeasure());
        if (classes == 2) {
            metrics.put("auc", areaUnderRoc(predictions));
        }
    }

    /** The share of pairs of a positive and a negative row whose scores are in order; equal scores count one half. */
    private static double areaUnderRoc(Predictions predictions) {
        TreeMap<Double, long[]> byScore = new TreeMap<>();
        for (int row = 0; row < predictions.size(); row++) {
            float[] logits = predictions.logits(row);
            byScore.computeIfAbsent((double) logits[1] - logits[0], score -> new long[2])[
                    (int) predictions.label(row)]++;
        }
        long[] below = new long[2];
        long twice = 0;
        for (long[] rows : byScore.values()) {
            twice += rows[1] * (2 * below[0] + rows[0]);
            below[0] += rows[0];
            below[1] += rows[1];
        }
        // Where a class is missing, MLlib's values.
        if (below[1] == 0) {
            return 0;
        }
        return below[0] == 0 ? 1 : twice / (2.0 * below[0] * below[1]);
    }

    private static void regression(Predictions predictions, SortedMap<String, Double> metrics) {
        double[] predicted = values(predictions, row -> predictions.logits(row)[0]);
        double[] wanted = values(predictions, predictions::label);
        double distance = MathArrays.distance(predicted, wanted);
        metrics.put("mse", distance * distance / wanted.length);
        boolean defined = wanted.length > 1;
        metrics.put("pearson", defined ? new PearsonsCorrelation().correlation(predicted, wanted) : Double.NaN);
        metrics.put("spearman", defined ? new SpearmansCorrelation().correlation(predicted, wanted) : Double.NaN);
    }

    private static double[] values(Predictions predictions, IntToDoubleFunction value) {
        return IntStream.range(0, predictions.size()).mapToDouble(value).toArray();
    }
}
