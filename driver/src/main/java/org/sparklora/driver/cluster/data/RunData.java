package org.sparklora.driver.cluster.data;

import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.sparklora.driver.job.config.Task;

/**
 * The data of a run, tokenized and divided into shards.
 *
 * @param labels label texts in the order of the head's outputs; empty for regression
 * @param classWeights weights of the classes in the loss, in the same order; empty: every class weighs 1
 * @param origins what the rows of a table or query were, by key of the job; none for files
 */
public record RunData(
        Shards training,
        Optional<Shards> validation,
        Task task,
        List<String> labels,
        List<Float> classWeights,
        SortedMap<String, SourceTable.Origin> origins) {}
