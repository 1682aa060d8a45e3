package org.sparklora.driver.training;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
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

/** The rows of a job as its files hold them, and what their labels mean. Persisted until closed. */
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

    /** Refuses files that are not there: what can be told of the data before Spark starts. */
    public static void requireFiles(JobConfig job) {
        Configuration hadoop = Locations.hadoop();
        SourceReader.requireFiles(source(job.data().train()), hadoop);
        if (job.data().validation().orElse(null) instanceof ValidationConfig.Source own) {
            SourceReader.requireFiles(source(own.source()), hadoop);
        }
    }

    /** Refuses a source whose files are not there. */
    public static void requireFiles(Source source) {
        SourceReader.requireFiles(source, Locations.hadoop());
    }

    /** Reads the files of a job. */
    public static JobRows read(SparkSession spark, JobConfig job) {
        return of(
                job,
                SourceReader.read(
                        spark, source(job.data().train()), kind(job.model().task())),
                own -> SourceReader.read(
                        spark, source(own.source()), kind(job.model().task())),
                Optional.empty());
    }

    /**
     * Rows that are read already, or will be when they are first used.
     *
     * @param validation reads rows of their own to validate on, where the job has such
     * @param known label texts in the order of the head's outputs, if the caller knows them better than the job
     */
    public static JobRows of(
            JobConfig job,
            Dataset<Row> rows,
            Function<ValidationConfig.Source, Dataset<Row>> validation,
            Optional<List<String>> known) {
        // Several passes follow, and without this each would parse the file again.
        Task task = job.model().task();
        Dataset<Row> all = rows.persist();
        try {
            Dataset<Row> training = all;
            Optional<Dataset<Row>> held = Optional.empty();
            ValidationConfig from = job.data().validation().orElse(null);
            if (from instanceof ValidationConfig.Fraction part) {
                Split split = Split.of(all, part.fraction(), job.seed());
                training = split.training();
                held = Optional.of(split.validation());
            } else if (from instanceof ValidationConfig.Source own) {
                held = Optional.of(validation.apply(own));
            }
            return new JobRows(
                    all,
                    training,
                    held,
                    task,
                    task == Task.REGRESSION ? List.of() : known.orElseGet(() -> labels(job, all)));
        } catch (RuntimeException e) {
            all.unpersist();
            throw e;
        }
    }

    /** What the columns of a task's rows hold. */
    public static RowKind kind(Task task) {
        return switch (task) {
            case CLASSIFICATION, REGRESSION -> RowKind.ONE_LABEL;
            case MULTI_LABEL -> RowKind.LABEL_SET;
            case TOKEN_CLASSIFICATION -> RowKind.TAGGED_WORDS;
        };
    }

    /** The labels of the job; else of all rows of the training file, so that none is unknown in a part held out. */
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

    public Dataset<Row> training() {
        return training;
    }

    public Optional<Dataset<Row>> validation() {
        return validation;
    }

    /** Label texts in the order of the head's outputs; empty for regression. */
    public List<String> labels() {
        return labels;
    }

    public LabelCodec codec() {
        return LabelCodec.of(task, labels);
    }

    /** The head that the labels ask for. */
    public TaskHead head() {
        return head(task, labels);
    }

    /** The head of a task with these labels. */
    public static TaskHead head(Task task, List<String> labels) {
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
