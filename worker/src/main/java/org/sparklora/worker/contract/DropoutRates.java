package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * Dropout probabilities outside LoRA, each in [0, 1).
 *
 * @param hidden after the embeddings and after each dense of the frozen base (base_dropout)
 * @param attention on attention probabilities (base_dropout)
 * @param head before the classifier (head_dropout)
 */
public record DropoutRates(double hidden, double attention, double head) implements Serializable {

    /** No dropout at all. */
    public static final DropoutRates NONE = new DropoutRates(0.0, 0.0, 0.0);
}
