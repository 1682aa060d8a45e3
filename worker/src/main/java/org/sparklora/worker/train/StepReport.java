package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.SortedMap;
import org.sparklora.worker.contract.Padding;

/**
 * The result of one optimizer step.
 *
 * @param step global, from 0
 * @param loss mean over the step's examples, by their weights
 * @param examples examples in the step
 * @param padding of the step's batches
 * @param gradNorm global gradient norm before clipping
 * @param groups per live group, by name
 */
public record StepReport(
        long step, float loss, int examples, Padding padding, float gradNorm, SortedMap<String, GroupReport> groups)
        implements Serializable {

    /**
     * The result of one group.
     *
     * @param gradNorm its gradient norm before clipping
     * @param learningRate the group's rate; with LoRA+ that of A, of which B uses a multiple
     */
    public record GroupReport(float gradNorm, double learningRate) implements Serializable {}
}
