package org.sparklora.driver.cluster;

import java.util.SortedMap;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.data.EvaluationData;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.ScoreShards;

/** Metrics of a trained model on labelled rows: those of validation while it trained. */
public final class ModelEvaluation {

    private ModelEvaluation() {}

    /** The metrics by name. */
    public static SortedMap<String, Double> of(
            SparkSession session, TrainedModel model, EvaluationData data, TaskLabels labels) {
        JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        Broadcast<TrainedModel> broadcast = spark.broadcast(model);
        try {
            Predictions predictions = Predictions.of(
                    data,
                    model.head(),
                    data.slices().mapPartitions(new ScoreShards(broadcast)).collect());
            return Metrics.of(session, predictions, model.head(), labels);
        } finally {
            // Until it is gone: what Spark still removes when it is stopped ends in stack traces on stderr.
            broadcast.destroy(true);
        }
    }
}
