package org.sparklora.driver.cluster.data;

import org.sparklora.worker.contract.ShardPlan;

/**
 * How rows are dealt to shards.
 *
 * @param seed the job's seed
 * @param shards S, a power of two
 * @param batchSize B, examples per step over all shards
 * @param given whether rows keep their order in the files
 */
public record ShardLayout(long seed, int shards, int batchSize, boolean given) {

    /** Which of so many rows belong to which shard and step. */
    public ShardPlan plan(long examples) {
        return new ShardPlan(shards, batchSize, examples, given);
    }
}
