package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * What the driver broadcasts at the start of every epoch: the full manifest, the freeze state, where the data goes, the
 * adapter's values, and what of the frozen prefix is kept.
 *
 * @param epoch from 0
 * @param snapshot values of every tensor that is not dormant
 */
public record EpochPlan(
        int epoch,
        LoraManifest manifest,
        FreezeState freeze,
        ShardPlan shards,
        AdapterSnapshot snapshot,
        CachePlan cache)
        implements Serializable {}
