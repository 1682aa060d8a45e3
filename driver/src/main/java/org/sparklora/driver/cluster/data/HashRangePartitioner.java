package org.sparklora.driver.cluster.data;

import org.apache.spark.Partitioner;

/**
 * Divides uniformly distributed 64-bit keys into ranges of equal width. If every partition is sorted, the whole is sorted.
 * Spark's own range partitioner would need a pass over the data to find the bounds.
 */
final class HashRangePartitioner extends Partitioner {

    private static final long serialVersionUID = 1L;

    private final int partitions;

    HashRangePartitioner(int partitions) {
        this.partitions = partitions;
    }

    @Override
    public int numPartitions() {
        return partitions;
    }

    @Override
    public int getPartition(Object key) {
        long prefix = key instanceof ContentHash hash ? hash.prefix() : ((RowKey) key).key;
        return (int) (((prefix >>> 32) * partitions) >>> 32);
    }
}
