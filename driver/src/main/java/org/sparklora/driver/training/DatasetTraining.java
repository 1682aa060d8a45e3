package org.sparklora.driver.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;

/**
 * Trains on rows of a session that a program has. The Spark ML estimators call this. The run is that of the command {@code
 * train}, with the same run directory: equal rows, job and seed give equal adapters. Runs of one session share their rows, as
 * {@link FitCache} says.
 */
public final class DatasetTraining {

    /** Names of a thread's Spark jobs. A run sets its own, and the caller's are restored after it. */
    private static final List<String> JOB_PROPERTIES =
            List.of("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel");

    private DatasetTraining() {}

    /**
     * Rows with the columns of {@link org.sparklora.driver.cluster.data.DatasetRows}.
     *
     * @param validation rows of their own to validate on, if the job has such
     * @param labels label texts in the order of the head's outputs; empty: the job's, or learned from the rows
     */
    public record Rows(Dataset<Row> training, Optional<Dataset<Row>> validation, Optional<List<String>> labels) {}

    /** Trains into the job's output directory, which must not hold a run. */
    public static TrainedRun train(SparkSession spark, JobConfig job, Rows rows) {
        SparkContext context = spark.sparkContext();
        Optional<SharedRows> shared = FitCache.of(spark);
        Map<String, @Nullable String> before = new TreeMap<>();
        JOB_PROPERTIES.forEach(label -> before.put(label, context.getLocalProperty(label)));
        try {
            if (job.data().keyed().adapter().isPresent()) {
                new KeyedRun(job, IfRunIsThere.REFUSE).run(spark, rows);
            } else {
                new TrainingRun(job, IfRunIsThere.REFUSE).run(spark, rows, shared);
            }
            return TrainedRun.read(job.output(), Optional.empty());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            before.forEach(context::setLocalProperty);
        }
    }
}
