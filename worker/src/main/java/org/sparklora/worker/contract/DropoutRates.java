package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * Dropout probabilities outside LoRA, each in [0, 1).
 *
 * @param embeddings after the embeddings (base_dropout)
 * @param hidden after each dense of the frozen base (base_dropout)
 * @param attention on attention probabilities (base_dropout)
 * @param head before the classifier (head_dropout)
 */
public record DropoutRates(double embeddings, double hidden, double attention, double head) implements Serializable {

    /** No dropout at all. */
    public static final DropoutRates NONE = new DropoutRates(0.0, 0.0, 0.0);

    /** The rates of an architecture whose embeddings drop out as its other hidden states do. */
    public DropoutRates(double hidden, double attention, double head) {
        this(hidden, hidden, attention, head);
    }
}
