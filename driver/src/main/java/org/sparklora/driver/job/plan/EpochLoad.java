package org.sparklora.driver.job.plan;

import java.util.List;

/**
 * What an epoch asks of whatever cluster it runs on: operations (a multiplication with its addition counts as two) without
 * padding, and bytes. Counted, as {@link StepCost} counts.
 *
 * @param parts steps between which no group moves, in order
 * @param keeping operations that compute what the activation cache keeps, once; 0 if nothing is kept, or was before
 * @param validation operations of the validation after it
 */
public record EpochLoad(List<Part> parts, double keeping, double validation) {

    public EpochLoad {
        parts = List.copyOf(parts);
    }

    /**
     * Steps that are alike.
     *
     * @param operations of one step's forward and backward, all rows of the global batch together
     * @param bytes of one rank's gradient
     */
    public record Part(long steps, double operations, long bytes) {}
}
