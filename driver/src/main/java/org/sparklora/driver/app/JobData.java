package org.sparklora.driver.app;

import java.util.List;
import java.util.Optional;
import org.sparklora.driver.config.DataOrder;
import org.sparklora.driver.config.JobConfig;
import org.sparklora.driver.data.EvaluationData;
import org.sparklora.driver.data.Layout;
import org.sparklora.driver.data.Tokenization;
import org.sparklora.driver.data.TrainingData;
import org.sparklora.worker.head.TaskHead;

/**
 * The data of a job, tokenised and dealt to shards, and the head that its labels ask for.
 *
 * @param labels label texts in the order of the head's outputs; empty for regression
 */
record JobData(TrainingData training, Optional<EvaluationData> validation, List<String> labels, TaskHead head) {

    /** Tokenises and deals rows, and closes them. */
    static JobData prepare(JobRows read, JobConfig job, JobModel model) {
        Layout layout = layout(job);
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
    static Layout layout(JobConfig job) {
        boolean given = job.data().order() == DataOrder.GIVEN;
        return new Layout(job.seed(), job.training().shards(), job.training().batchSize(), given);
    }
}
