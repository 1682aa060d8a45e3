package org.sparklora.worker.contract;

import java.util.Locale;

/** A part of a step's time on one rank. */
public enum Phase {
    /** Rows of the step become batches. */
    DATA,
    /** The frozen trunk runs without gradient, or its activations are copied from the cache. */
    PREFIX,
    /** From the lowest trainable layer to the loss, adapters included. */
    FORWARD,
    /** From the loss to the gradients, as floats in Java. */
    BACKWARD,
    /** Gradients are added and sent, and the total is received and passed on. */
    EXCHANGE,
    /** Waiting for another rank. */
    WAITING,
    /** Norms, clipping, AdamW. */
    OPTIMIZER;

    /** Lower-case name, as files spell it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
