package org.sparklora.worker.contract;

import java.util.Locale;

/** What a rank spends the time of a step on. */
public enum Phase {
    /** Rows of the step are looked up and become batches. */
    DATA,
    /** What enters the lowest live stage is computed without gradient, or copied from what is kept of it. */
    PREFIX,
    /** From the lowest live stage to the loss, adapters included. */
    FORWARD,
    /** From the loss to the gradients, as floats in Java. */
    BACKWARD,
    /** Gradients are added and sent, the total is taken and passed on. */
    EXCHANGE,
    /** Nothing to do before another rank has sent its part. */
    WAITING,
    /** Norms, clipping, AdamW. */
    OPTIMIZER;

    /** Lower-case name, as files spell it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
