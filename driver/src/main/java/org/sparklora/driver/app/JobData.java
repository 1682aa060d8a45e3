package org.sparklora.driver.app;

import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.config.DataConfig;
import org.sparklora.driver.config.DataOrder;
import org.sparklora.driver.config.JobConfig;
import org.sparklora.driver.config.SourceConfig;
import org.sparklora.driver.config.Task;
import org.sparklora.driver.config.ValidationConfig;
import org.sparklora.driver.data.EvaluationData;
import org.sparklora.driver.data.LabelCodec;
import org.sparklora.driver.data.Labels;
import org.sparklora.driver.data.Layout;
import org.sparklora.driver.data.RegressionLabels;
import org.sparklora.driver.data.Source;
import org.sparklora.driver.data.SourceReader;
import org.sparklora.driver.data.Split;
import org.sparklora.driver.data.Tokenization;
import org.sparklora.driver.data.TrainingData;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;

/**
 * The data of a job, tokenised and dealt to shards, and the head that its labels ask for.
 *
 * @param labels label texts in the order of the head's outputs; empty for regression
 */
record JobData(TrainingData training, Optional<EvaluationData> validation, List<String> labels, TaskHead head) {

    /** Refuses files that are not there: what can be told of the data before Spark starts. */
    static void requireFiles(JobConfig job) {
        Configuration hadoop = SparkHadoopUtil.get().newConfiguration(new SparkConf());
        SourceReader.requireFiles(source(job.data().train()), hadoop);
        if (job.data().validation().orElse(null) instanceof ValidationConfig.Source own) {
            SourceReader.requireFiles(source(own.source()), hadoop);
        }
    }

    static JobData prepare(SparkSession spark, JobConfig job, JobModel model) {
        // Several passes follow, and without this each would parse the file again.
        Dataset<Row> rows = SourceReader.read(spark, source(job.data().train())).persist();
        try {
            return prepare(spark, rows, job, model);
        } finally {
            rows.unpersist();
        }
    }

    private static JobData prepare(SparkSession spark, Dataset<Row> all, JobConfig job, JobModel model) {
        DataConfig data = job.data();
        int shards = job.training().shards();
        Dataset<Row> training = all;
        Optional<Dataset<Row>> validation = Optional.empty();
        if (data.validation().isPresent()) {
            if (data.validation().get() instanceof ValidationConfig.Fraction part) {
                Split split = Split.of(all, part.fraction(), job.seed());
                training = split.training();
                validation = Optional.of(split.validation());
            } else if (data.validation().get() instanceof ValidationConfig.Source own) {
                validation = Optional.of(SourceReader.read(spark, source(own.source())));
            }
        }

        boolean regression = job.model().task() == Task.REGRESSION;
        List<String> names = regression ? List.of() : labelNames(job, all);
        LabelCodec codec = regression ? new RegressionLabels() : Labels.of(names);
        TaskHead head = regression ? new RegressionHead() : new ClassificationHead(names.size());
        Tokenization tokenization =
                new Tokenization(model.tokenizer(), job.model().maxLength());
        boolean given = data.order() == DataOrder.GIVEN;
        Layout layout = new Layout(job.seed(), shards, job.training().batchSize(), given);
        return new JobData(
                TrainingData.prepare(training, codec, tokenization, layout),
                validation.map(rows -> EvaluationData.labelled(rows, codec, tokenization, shards)),
                names,
                head);
    }

    /** The labels of the job; else of all rows of the training file, so that none is unknown in a part held out. */
    private static List<String> labelNames(JobConfig job, Dataset<Row> all) {
        return job.model()
                .labels()
                .orElseGet(() -> Labels.learn(all, job.data().train().path()).names());
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
}
