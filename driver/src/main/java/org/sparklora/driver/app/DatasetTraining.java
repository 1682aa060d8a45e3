package org.sparklora.driver.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.app.RunOutput.IfRunIsThere;
import org.sparklora.driver.config.JobConfig;
import org.sparklora.driver.spark.Sessions;

/**
 * Trains on rows that a program already has, on its session: what the estimators call. It is the same run as that of the
 * command {@code train}, with the same run directory: equal rows, job and seed give equal adapters.
 */
public final class DatasetTraining {

    private DatasetTraining() {}

    /**
     * Rows to train on, as {@link org.sparklora.driver.data.DatasetRows} lays them out.
     *
     * @param validation where the job's validation has a path
     * @param labels label texts in the order of the head's outputs, where they are known; else they are learnt
     */
    public record Rows(Dataset<Row> training, Optional<Dataset<Row>> validation, Optional<List<String>> labels) {}

    /** Trains as the job says, into its output directory, which must not hold a run. */
    public static TrainedRun train(SparkSession spark, JobConfig job, Rows rows) {
        Sessions.requireJavaSerializer(spark);
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
            // Whoever called may run jobs of other kinds next.
            spark.sparkContext().clearJobGroup();
        }
    }
}
