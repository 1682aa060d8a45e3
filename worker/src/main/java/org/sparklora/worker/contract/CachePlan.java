package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * The activation cache of an epoch: which hidden states are kept instead of being computed in every step.
 *
 * @param stage the lowest live stage, whose input is kept; 0: nothing is kept, for nothing lies below the embeddings
 * @param precision of what is kept
 * @param digest of everything that the kept values come from; another digest, other values
 * @param reason why it is so, for people
 */
public record CachePlan(int stage, Precision precision, String digest, String reason) implements Serializable {

    /** No cache. */
    public static CachePlan off(String reason) {
        return new CachePlan(0, Precision.FLOAT32, "", reason);
    }

    /** Whether anything is kept. */
    public boolean isOn() {
        return stage > 0;
    }
}
