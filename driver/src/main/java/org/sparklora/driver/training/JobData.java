package org.sparklora.driver.training;

import java.util.List;
import java.util.Optional;
import org.sparklora.driver.cluster.data.EvaluationData;
import org.sparklora.driver.cluster.data.ShardLayout;
import org.sparklora.driver.cluster.data.Tokenization;
import org.sparklora.driver.cluster.data.TrainingData;
import org.sparklora.driver.job.config.DataOrder;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.worker.head.TaskHead;

/**
 * The data of a job, tokenised and dealt to shards, and the head that its labels ask for.
 *
 * @param labels label texts in the order of the head's outputs; empty for regression
 */
public record JobData(TrainingData training, Optional<EvaluationData> validation, List<String> labels, TaskHead head) {

    /** Tokenises and deals rows, and closes them. */
    public static JobData prepare(JobRows read, JobConfig job, JobModel model) {
        ShardLayout layout = layout(job);
        Tokenization tokenization = model.tokenization();
        try (JobRows rows = read) {
            return new JobData(
                    TrainingData.prepare(rows.training(), rows.codec(), tokenization, layout),
                    rows.validation()
                            .map(held -> EvaluationData.labelled(held, rows.codec(), tokenization, layout.shards())),
                    rows.labels(),
                    rows.head());
        }
    }

    /** How the job deals its training rows. */
    public static ShardLayout layout(JobConfig job) {
        boolean given = job.data().order() == DataOrder.GIVEN;
        return new ShardLayout(
                job.seed(), job.training().shards(), job.training().batchSize(), given);
    }
}
