package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.function.ToIntFunction;
import org.apache.spark.Partitioner;
import org.sparklora.worker.contract.ShardPlan;

/** A partitioner that computes the partition of a key with a function. */
public class KeyPartitioner extends Partitioner {

    private static final long serialVersionUID = 1L;

    private final int partitions;
    private final PartitionOf partitionOf;

    /** The partition of a key, from 0. */
    @FunctionalInterface
    public interface PartitionOf extends ToIntFunction<Object>, Serializable {}

    public KeyPartitioner(int partitions, PartitionOf partitionOf) {
        this.partitions = partitions;
        this.partitionOf = partitionOf;
    }

    /**
     * Divides uniformly distributed 64-bit keys into ranges of equal width. If every partition is sorted, the whole is sorted.
     * Spark's own range partitioner would need a pass over the data to find the bounds.
     */
    static KeyPartitioner hashRanges(int partitions) {
        return new KeyPartitioner(partitions, key -> {
            long prefix = key instanceof ContentHash hash ? hash.prefix() : ((RowKey) key).key;
            return (int) (((prefix >>> 32) * partitions) >>> 32);
        });
    }

    /** Assigns the index of a training row to a shard: round-robin, or in the given order of the plan. */
    static KeyPartitioner training(ShardPlan plan) {
        return new KeyPartitioner(
                plan.shards(),
                row -> plan.given() ? plan.shardOfGivenRow((Long) row) : (int) ((Long) row % plan.shards()));
    }

    /** Assigns row indices to S consecutive slices whose sizes differ by at most one row. */
    static KeyPartitioner slices(ShardPlan plan) {
        // The inverse of from(s) = floor(s·N/S): the largest s with from(s) at most the row index.
        return new KeyPartitioner(plan.shards(), row ->
                (int) ((((Long) row + 1) * plan.shards() - 1) / plan.examples()));
    }

    @Override
    public int numPartitions() {
        return partitions;
    }

    @Override
    public int getPartition(Object key) {
        return partitionOf.applyAsInt(key);
    }
}
