package org.sparklora.driver.job.plan;

import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.encoder.Encoder;

/**
 * Turns a freeze state into the plan of an epoch. The training loop, {@code plan} and the history all use this class, so
 * what is planned is what runs.
 *
 * @param manifest every group of the run, with the head
 */
public record EpochPlanner(LoraManifest manifest, Encoder encoder, ShardPlan shards, CachePolicy cache) {

    /** What trains in a freeze state. */
    public FreezePlan freezePlan(FreezeState state) {
        return new FreezePlan(manifest, state, encoder::layerIndex);
    }

    /**
     * The plan of an epoch, or of the part of it in which no group moves.
     *
     * @param snapshot values of every tensor whose group is not dormant
     * @param wholeEpoch whether no group may move between the epoch's first step and its last
     */
    public EpochPlan plan(int epoch, FreezeState state, AdapterSnapshot snapshot, boolean wholeEpoch) {
        FreezePlan freezePlan = freezePlan(state);
        CachePlan epochCache = cache.plan(freezePlan, encoder, snapshot, wholeEpoch);
        return new EpochPlan(epoch, freezePlan, shards, snapshot, epochCache);
    }

    /** The same without an activation cache. */
    EpochPlanner withoutCache() {
        return new EpochPlanner(manifest, encoder, shards, CachePolicy.off("left out"));
    }
}
