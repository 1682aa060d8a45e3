package org.sparklora.driver.cluster.data;

import org.sparklora.worker.contract.ShardPlan;

/**
 * How rows are divided into shards.
 *
 * @param seed the job's seed
 * @param shards S, a power of two
 * @param batchSize B, examples in a step over all shards
 * @param given whether rows keep the order of the files
 */
public record ShardLayout(long seed, int shards, int batchSize, boolean given) {

    /** Returns which rows belong to which shard and step. */
    public ShardPlan plan(long examples) {
        return new ShardPlan(shards, batchSize, examples, given);
    }
}
