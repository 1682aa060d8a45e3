package org.sparklora.worker.train;

import org.sparklora.worker.contract.ShardSum;

/** Computes the sum over all shards: in one Spark job, among peers, or in this thread. */
@FunctionalInterface
public interface GradientExchange {

    /**
     * The sum over all shards of one step, added in the order of a fixed tree.
     *
     * @param step step of the epoch, from 0
     * @param trainable values of the trainable tensors, flat, in the order of the epoch's {@link
     *     org.sparklora.worker.contract.FreezePlan}
     * @return undivided sums, which the caller may change
     */
    ShardSum sum(int step, float[] trainable);
}
