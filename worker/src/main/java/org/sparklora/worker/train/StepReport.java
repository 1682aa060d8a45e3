package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Padding;

/**
 * The result of one optimizer step.
 *
 * @param step global, from 0
 * @param loss mean over the step's examples, by their weights
 * @param rows the step's examples
 * @param gradNorm global gradient norm before clipping
 * @param groups per live group, by name
 * @param ranks AdaLoRA's new masks; null if they stay, because an Optional cannot be serialized
 */
public record StepReport(
        long step,
        float loss,
        Rows rows,
        float gradNorm,
        SortedMap<String, GroupReport> groups,
        @Nullable RankAllocation ranks)
        implements Serializable {

    /** The result of a step that changes no mask. */
    public StepReport(long step, float loss, Rows rows, float gradNorm, SortedMap<String, GroupReport> groups) {
        this(step, loss, rows, gradNorm, groups, null);
    }

    /**
     * What a step computed.
     *
     * @param examples number of rows
     * @param weight the divisor of the loss: the sum of their weights, for token heads over the labelled tokens
     * @param padding of their batches
     */
    public record Rows(int examples, double weight, Padding padding) implements Serializable {}

    /** Examples in the step. */
    public int examples() {
        return rows.examples();
    }

    /**
     * The result of one group.
     *
     * @param gradNorm its gradient norm before clipping
     * @param learningRate the group's rate; with LoRA+ that of A, of which B uses a multiple
     */
    public record GroupReport(float gradNorm, double learningRate) implements Serializable {}
}
