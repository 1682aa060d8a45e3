package org.sparklora.driver.job.plan;

import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.train.GradientLayout;
import org.sparklora.worker.train.TrunkDigest;

/**
 * Whether the frozen prefix is kept in an epoch. Job, model and freeze state alone decide, because it changes rounding:
 * neither the cluster nor how far the run is to go.
 */
public interface CachePolicy {

    /** What holds for every run of a job that does not switch the cache off. */
    String ON = "on: what enters the lowest live layer is kept, except in epochs within which groups may move";

    /**
     * The cache of an epoch.
     *
     * @param snapshot values of every tensor that is not dormant
     * @param whole whether no group may move before the epoch's end
     */
    CachePlan plan(LoraManifest manifest, FreezeState freeze, AdapterSnapshot snapshot, boolean whole);

    /** Never. */
    static CachePolicy off(String reason) {
        return (manifest, freeze, snapshot, whole) -> CachePlan.off(reason);
    }

    /**
     * Wherever something lies below the lowest live stage. That prefix never drops out, whatever the base model's own
     * dropout, so it gives the same values in every epoch.
     *
     * @param source names base model and tokens: what never changes in a run
     */
    static CachePolicy auto(Encoder encoder, Precision precision, String source) {
        return (manifest, freeze, snapshot, whole) -> {
            int stage = GradientLayout.of(manifest, freeze).lowestStage(encoder);
            if (stage == 0) {
                return CachePlan.off("the embeddings train, and nothing lies below them");
            }
            if (stage == 1) {
                return CachePlan.off("layer 0 trains: the embeddings cost no more than to read what was kept of them");
            }
            if (!whole) {
                return CachePlan.off("groups may move within the epoch");
            }
            String digest = TrunkDigest.of(source, encoder, stage, precision, snapshot);
            return new CachePlan(stage, precision, digest, "nothing below " + encoder.stageName(stage) + " trains");
        };
    }
}
