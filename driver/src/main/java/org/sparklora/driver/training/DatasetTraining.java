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
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;

/**
 * Trains on rows that a program already has, on its session: what the estimators call. It is the same run as that of the
 * command {@code train}, with the same run directory: equal rows, job and seed give equal adapters.
 */
public final class DatasetTraining {

    /** What a thread's jobs are called; a run calls its own otherwise. */
    private static final List<String> LABELS_OF_JOBS =
            List.of("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel");

    private DatasetTraining() {}

    /**
     * Rows to train on, as {@link org.sparklora.driver.cluster.data.DatasetRows} lays them out.
     *
     * @param validation where the job's validation has a path
     * @param labels label texts in the order of the head's outputs, where they are known; else they are learnt
     */
    public record Rows(Dataset<Row> training, Optional<Dataset<Row>> validation, Optional<List<String>> labels) {}

    /** Trains as the job says, into its output directory, which must not hold a run. */
    public static TrainedRun train(SparkSession spark, JobConfig job, Rows rows) {
        Sessions.requireJavaSerializer(spark);
        SparkContext context = spark.sparkContext();
        Map<String, @Nullable String> before = new TreeMap<>();
        LABELS_OF_JOBS.forEach(label -> before.put(label, context.getLocalProperty(label)));
        try {
            new TrainingRun(job, IfRunIsThere.REFUSE)
                    .run(
                            spark,
                            (session, ofJob) -> JobRows.of(
                                    ofJob,
                                    rows.training(),
                                    own -> rows.validation().orElseThrow(),
                                    rows.labels()));
            return TrainedRun.read(job.output(), Optional.empty());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            // Whoever called may run jobs of other kinds next, or has a group of its own.
            before.forEach(context::setLocalProperty);
        }
    }
}
