package org.sparklora.worker.train;

import org.sparklora.worker.contract.ShardSum;

/** Where the sum over all shards comes from: one Spark job, peers, or this thread. */
@FunctionalInterface
public interface GradientExchange {

    /**
     * The sum over all shards of one step, added along the fixed tree.
     *
     * @param step step of the epoch, from 0
     * @param live values of the live tensors, flat, in the order of the epoch's {@link GradientLayout}
     * @return sums that are the caller's own, not divided yet
     */
    ShardSum sum(int step, float[] live);
}
