package org.sparklora.driver.training;

import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.ClassLabels;
import org.sparklora.driver.cluster.data.LabelCodec;
import org.sparklora.driver.cluster.data.RowKind;
import org.sparklora.driver.cluster.data.Source;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.cluster.data.Split;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.config.ValidationConfig;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.MultiLabelHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.head.TokenClassificationHead;

/** The rows of a job before tokenization, and the meaning of their labels. Persisted by Spark until closed. */
public final class JobRows implements AutoCloseable {

    private final Dataset<Row> all;
    private final Dataset<Row> training;
    private final Optional<Dataset<Row>> validation;
    private final Task task;
    private final List<String> labels;

    private JobRows(
            Dataset<Row> all,
            Dataset<Row> training,
            Optional<Dataset<Row>> validation,
            Task task,
            List<String> labels) {
        this.all = all;
        this.training = training;
        this.validation = validation;
        this.task = task;
        this.labels = labels;
    }

    /** Refuses missing files. Needs no Spark session. */
    static void requireFiles(JobConfig job) {
        Configuration hadoop = Locations.hadoop();
        SourceReader.requireFiles(source(job.data().train()), hadoop);
        if (job.data().validation().orElse(null) instanceof ValidationConfig.Source own) {
            SourceReader.requireFiles(source(own.source()), hadoop);
        }
    }

    /** Refuses a source whose files are missing. Needs no Spark session. */
    public static void requireFiles(Source source) {
        SourceReader.requireFiles(source, Locations.hadoop());
    }

    /** Reads the files of a job. */
    static JobRows read(SparkSession spark, JobConfig job) {
        RowKind kind = kind(job.model().task());
        Dataset<Row> training = SourceReader.read(spark, source(job.data().train()), kind);
        Optional<Dataset<Row>> validation = Optional.empty();
        if (job.data().validation().orElse(null) instanceof ValidationConfig.Source own) {
            validation = Optional.of(SourceReader.read(spark, source(own.source()), kind));
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
                Split split = Split.of(all, part.fraction(), job.seed());
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

    /** What the label column of a task holds. */
    public static RowKind kind(Task task) {
        return switch (task) {
            case CLASSIFICATION, REGRESSION -> RowKind.ONE_LABEL;
            case MULTI_LABEL -> RowKind.LABEL_SET;
            case TOKEN_CLASSIFICATION -> RowKind.TAGGED_WORDS;
        };
    }

    /** The labels that the job lists. Otherwise those of all rows, so that validation rows bring no unknown label. */
    private static List<String> labels(JobConfig job, Dataset<Row> all) {
        return job.model()
                .labels()
                .orElseGet(() -> ClassLabels.learn(
                        job.model().task(), all, job.data().train().path()));
    }

    private static Source source(SourceConfig config) {
        return new Source(
                config.path(),
                config.format(),
                config.text(),
                config.textPair(),
                Optional.of(config.label()),
                config.weight(),
                config.options());
    }

    Dataset<Row> training() {
        return training;
    }

    Optional<Dataset<Row>> validation() {
        return validation;
    }

    /** Label texts in the order of the head's outputs; empty for regression. */
    List<String> labels() {
        return labels;
    }

    LabelCodec codec() {
        return LabelCodec.of(task, labels);
    }

    /** A head with an output for each label. */
    TaskHead head() {
        return head(task, labels);
    }

    /** A task's head with an output for each label. */
    static TaskHead head(Task task, List<String> labels) {
        return switch (task) {
            case REGRESSION -> new RegressionHead();
            case CLASSIFICATION -> new ClassificationHead(labels.size());
            case MULTI_LABEL -> new MultiLabelHead(labels.size());
            case TOKEN_CLASSIFICATION -> new TokenClassificationHead(labels.size());
        };
    }

    @Override
    public void close() {
        all.unpersist();
    }
}
