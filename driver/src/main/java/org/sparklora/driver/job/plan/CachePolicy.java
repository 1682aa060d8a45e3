package org.sparklora.driver.job.plan;

import java.util.Optional;
import org.sparklora.driver.job.manifest.ManifestDigest;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.train.TrunkPass;

/**
 * Decides whether an epoch caches trunk activations. The cache changes rounding, so job, model and freeze state alone
 * decide; neither the cluster nor the number of epochs has an influence.
 *
 * @param type of the cached values
 * @param source names base model and tokens, which never change in a run
 * @param offReason why the job switches the cache off; empty if it does not
 */
public record CachePolicy(StoredType type, String source, Optional<String> offReason) {

    /** What the history says of a run whose job does not switch the cache off. */
    public static final String ON =
            "on: trunk activations below the lowest trainable layer are cached, except in epochs within which groups may"
                    + " move";

    /** Never cache. */
    public static CachePolicy off(String reason) {
        return new CachePolicy(StoredType.FLOAT32, "", Optional.of(reason));
    }

    /** Cache wherever there is a frozen trunk. It never drops out, so it gives the same values in every epoch. */
    public static CachePolicy auto(StoredType type, String source) {
        return new CachePolicy(type, source, Optional.empty());
    }

    /**
     * The cache of an epoch.
     *
     * @param snapshot values of every tensor whose group is not dormant
     * @param wholeEpoch whether no group may move before the epoch's end
     */
    CachePlan plan(FreezePlan freezePlan, Encoder encoder, AdapterSnapshot snapshot, boolean wholeEpoch) {
        int layer = freezePlan.lowestTrainableLayer();
        if (offReason.isPresent()) {
            return CachePlan.off(offReason.get());
        }
        if (layer == 0) {
            return CachePlan.off("the embeddings train, so there is no frozen trunk");
        }
        if (layer == 1) {
            return CachePlan.off(
                    "layer 0 trains: computing the embeddings costs no more than reading them from a cache");
        }
        if (!wholeEpoch) {
            return CachePlan.off("groups may move within the epoch");
        }
        boolean adapted = snapshot.names().stream().anyMatch(name -> encoder.layerIndex(name) < layer);
        // Runs may share activations, and equal values with another alpha are another trunk.
        String trunk = adapted ? source + " " + ManifestDigest.sha256(freezePlan.manifest()) : source;
        String digest = TrunkPass.digest(trunk, encoder, layer, type, snapshot);
        return new CachePlan(layer, type, digest, "nothing below " + encoder.layerName(layer) + " trains");
    }
}
