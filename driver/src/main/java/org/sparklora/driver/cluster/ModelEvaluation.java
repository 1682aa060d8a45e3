package org.sparklora.driver.cluster;

import java.util.SortedMap;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.data.EvaluationData;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.ScoreShards;

/** Computes the metrics of a trained model on labelled rows. They are the same as those of validation during training. */
public final class ModelEvaluation {

    private ModelEvaluation() {}

    /** Returns the metrics by name. */
    public static SortedMap<String, Double> of(
            SparkSession session, TrainedModel model, EvaluationData data, TaskLabels labels) {
        JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        Broadcast<TrainedModel> broadcast = spark.broadcast(model);
        try {
            Predictions predictions =
                    Predictions.collect(data, model.head(), data.slices().mapPartitions(new ScoreShards(broadcast)));
            return Metrics.of(session, predictions, model.head(), labels);
        } finally {
            // Waits: if Spark still removes it when it is stopped, Spark prints stack traces.
            broadcast.destroy(true);
        }
    }
}
