package org.sparklora.driver.training;

import java.util.List;
import java.util.Optional;
import org.sparklora.driver.cluster.data.EvaluationData;
import org.sparklora.driver.cluster.data.ShardLayout;
import org.sparklora.driver.cluster.data.Tokenization;
import org.sparklora.driver.cluster.data.TrainingData;
import org.sparklora.worker.head.TaskHead;

/**
 * The data of a job, tokenized and divided into shards, and the head that fits its labels.
 *
 * @param labels label texts in the order of the head's outputs; empty for regression
 */
record JobData(TrainingData training, Optional<EvaluationData> validation, List<String> labels, TaskHead head) {

    /** Tokenizes rows, divides them into shards, and closes them. */
    static JobData prepare(JobRows read, ShardLayout layout, Tokenization tokenization) {
        try (JobRows rows = read) {
            return new JobData(
                    TrainingData.prepare(rows.training(), rows.codec(), tokenization, layout),
                    rows.validation()
                            .map(held -> EvaluationData.labelled(held, rows.codec(), tokenization, layout.shards())),
                    rows.labels(),
                    rows.head());
        }
    }

    long trainingTokens() {
        return training.statistics().lengths().entrySet().stream()
                .mapToLong(e -> e.getKey() * e.getValue())
                .sum();
    }
}
