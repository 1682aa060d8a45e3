package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * The activation cache of an epoch: which trunk activations are cached instead of being computed in every step.
 *
 * @param layerIndex the lowest trainable layer, whose input is cached; 0 if nothing is cached, since the embeddings have no
 *     input
 * @param type of the cached values
 * @param digest of everything that determines the cached values: another digest means other values
 * @param reason why the cache is on or off, for people
 */
public record CachePlan(int layerIndex, StoredType type, String digest, String reason) implements Serializable {

    /** No cache. */
    public static CachePlan off(String reason) {
        return new CachePlan(0, StoredType.FLOAT32, "", reason);
    }

    /** Whether anything is cached. */
    public boolean isOn() {
        return layerIndex > 0;
    }
}
