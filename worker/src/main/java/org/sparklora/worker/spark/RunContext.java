package org.sparklora.worker.spark;

import java.io.Serializable;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.head.TaskHead;

/**
 * What does not change in a run.
 *
 * @param model Hugging Face directory of the base
 * @param padTokenId token that fills a batch's shorter rows
 */
public record RunContext(ModelSource model, TaskHead head, StepSettings settings, ShardOrder order, int padTokenId)
        implements Serializable {}
