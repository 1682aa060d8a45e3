package org.sparklora.driver.training;

import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.ClassBalance;
import org.sparklora.driver.cluster.data.ClassLabels;
import org.sparklora.driver.cluster.data.LabelCodec;
import org.sparklora.driver.cluster.data.RowsDigest;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.cluster.data.ShardLayout;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.cluster.data.SourceTable;
import org.sparklora.driver.cluster.data.Split;
import org.sparklora.driver.cluster.data.Tokenization;
import org.sparklora.driver.cluster.data.TrainingData;
import org.sparklora.driver.job.config.ClassWeights;
import org.sparklora.driver.job.config.DataOrder;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.config.ValidationConfig;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.MultiLabelHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.head.TokenClassificationHead;

/**
 * The rows of a job before tokenization, and the meaning of their labels. Persisted by Spark until closed.
 *
 * @param all training rows, before the job's validation fraction is split off
 * @param labels label texts in the order of the head's outputs; empty for regression
 */
public record JobRows(
        Dataset<Row> all, Dataset<Row> training, Optional<Dataset<Row>> validation, Task task, List<String> labels)
        implements AutoCloseable {

    /** Refuses missing files. Needs no Spark session. */
    public static void requireFiles(JobConfig job) {
        Configuration hadoop = Locations.hadoop();
        boolean ordered = SourceReader.requireFiles(job.data().train(), hadoop, "data.train");
        if (!ordered && job.data().order() == DataOrder.GIVEN) {
            throw new UsageException(
                    "usage.order-given",
                    "data.order=given needs rows with an order, but '"
                            + job.data().train().name()
                            + "' has none; use csv, tsv, parquet or json files, or order: shuffled");
        }
        if (job.data().validation().orElse(null) instanceof ValidationConfig.Source own) {
            SourceReader.requireFiles(own.source(), hadoop, "data.validation");
        }
    }

    /** Reads the files of a job. */
    public static JobRows read(SparkSession spark, JobConfig job) {
        Task task = job.model().task();
        Dataset<Row> training = SourceReader.read(spark, job.data().train(), task);
        Optional<Dataset<Row>> validation = Optional.empty();
        if (job.data().validation().orElse(null) instanceof ValidationConfig.Source own) {
            validation = Optional.of(SourceReader.read(spark, own.source(), task));
        }
        return of(job, new DatasetTraining.Rows(training, validation, Optional.empty()));
    }

    /** Takes given rows, of which the job's validation fraction is split off. */
    static JobRows of(JobConfig job, DatasetTraining.Rows rows) {
        // Several passes follow. Without this, each would parse the file again.
        Dataset<Row> all = rows.training().persist();
        try {
            Dataset<Row> training = all;
            Optional<Dataset<Row>> validation = rows.validation();
            if (job.data().validation().orElse(null) instanceof ValidationConfig.Fraction part) {
                Split split = Split.of(all, part.fraction(), job.dataSeed());
                training = split.training();
                validation = Optional.of(split.validation());
            }
            Task task = job.model().task();
            List<String> labels =
                    task == Task.REGRESSION ? List.of() : rows.labels().orElseGet(() -> labels(job, all));
            return new JobRows(all, training, validation, task, labels);
        } catch (RuntimeException e) {
            all.unpersist();
            throw e;
        }
    }

    /** The labels that the job lists. Otherwise those of all rows, so that validation rows bring no unknown label. */
    private static List<String> labels(JobConfig job, Dataset<Row> all) {
        return job.model()
                .labels()
                .orElseGet(() -> ClassLabels.learn(
                        job.model().task(), all, job.data().train().name()));
    }

    /** Tokenizes the rows for a job, divides them into shards, and frees what Spark persists of the rows. */
    RunData prepare(JobConfig job, JobModel model) {
        ShardLayout layout = new RunSettings(job).layout();
        Tokenization tokenization = model.tokenization();
        Optional<ClassWeights> weights = job.training().loss().classWeights();
        try {
            Shards shards = TrainingData.prepare(training, codec(), tokenization, layout);
            return new RunData(
                    shards,
                    validation.map(held -> Shards.inOrder(held, codec(), tokenization, layout.shards())),
                    task,
                    labels,
                    weights.map(given -> ClassBalance.weights(given, labels, shards))
                            .orElse(List.of()),
                    SourceTable.origins(all, validation));
        } finally {
            close();
        }
    }

    /**
     * What the rows hold. Of equal jobs and contents {@link #prepare} makes equal shards.
     *
     * @param training digest of the training rows
     * @param validation digest of the validation rows; empty without any
     */
    record Content(List<String> labels, String training, Optional<String> validation) {}

    /** Reads the rows once. */
    Content content(DataOrder order) {
        return new Content(
                labels,
                RowsDigest.of(training, order == DataOrder.GIVEN).sha256(),
                validation.map(held -> RowsDigest.of(held, true).sha256()));
    }

    LabelCodec codec() {
        return LabelCodec.of(task, labels);
    }

    /** The head of a job with an output for each label. */
    static TaskHead head(JobConfig job, List<String> labels) {
        return switch (job.model().task()) {
            case REGRESSION -> new RegressionHead();
            case CLASSIFICATION -> new ClassificationHead(labels.size());
            case MULTI_LABEL ->
                new MultiLabelHead(
                        labels.size(), job.training().loss().threshold().orElse(MultiLabelHead.DEFAULT_THRESHOLD));
            case TOKEN_CLASSIFICATION -> new TokenClassificationHead(labels.size());
        };
    }

    @Override
    public void close() {
        all.unpersist();
    }
}
