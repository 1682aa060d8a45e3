package org.sparklora.worker.contract;

import java.util.Locale;

/** A part of a step's time on one rank. */
public enum Phase {
    /** Rows of the step become batches. */
    DATA,
    /** The frozen trunk runs without gradient, or its activations are copied from the cache. */
    TRUNK,
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

    /** The key in files: the lower-case name, and {@code prefix} for the trunk, as in 0.1.0. */
    public String label() {
        return this == TRUNK ? "prefix" : name().toLowerCase(Locale.ROOT);
    }
}
