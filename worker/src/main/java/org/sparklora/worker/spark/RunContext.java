package org.sparklora.worker.spark;

import java.io.Serializable;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.head.TaskHead;

/**
 * The constants of a run.
 *
 * @param model Hugging Face directory of the base model
 * @param modelSha256 SHA-256 of the base model's weights when the run began
 * @param arithmetic how every executor computes
 * @param instructions of every processor of the run, see {@link org.sparklora.worker.machine.Machine#instructions}
 * @param padTokenId token id that pads shorter rows of a batch
 */
public record RunContext(
        ModelSource model,
        String modelSha256,
        TaskHead head,
        StepSettings settings,
        ShardOrder order,
        int padTokenId,
        Arithmetic arithmetic,
        String instructions)
        implements Serializable {}
