package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * Everything the driver decides about an epoch. It broadcasts the plan once; training, caching and evaluation read it.
 *
 * @param epoch from 0
 * @param freezePlan the state of each group and what follows from it
 * @param shards the rows of each shard and step
 * @param snapshot values of every tensor whose group is not dormant
 * @param cache whether trunk activations are cached
 */
public record EpochPlan(int epoch, FreezePlan freezePlan, ShardPlan shards, AdapterSnapshot snapshot, CachePlan cache)
        implements Serializable {

    /** Every group of the run. */
    public LoraManifest manifest() {
        return freezePlan.manifest();
    }

    /** The state of each group. */
    public FreezeState freeze() {
        return freezePlan.state();
    }
}
