package org.sparklora.worker.spark;

import java.io.Serializable;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.head.TaskHead;

/**
 * What does not change in a run.
 *
 * @param modelDirectory Hugging Face directory of the base, readable under this path on every executor
 * @param padTokenId token that fills a batch's shorter rows
 */
public record RunContext(String modelDirectory, TaskHead head, StepSettings settings, ShardOrder order, int padTokenId)
        implements Serializable {}
