package org.sparklora.driver.cluster.data;

import org.apache.spark.Partitioner;

/**
 * Cuts uniform 64-bit numbers into ranges of equal width. Sorted within its partitions, the whole is sorted; unlike
 * Spark's range partitioner it needs no pass over the data to find the bounds.
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

    @Override
    public boolean equals(Object o) {
        return o instanceof HashRangePartitioner other && partitions == other.partitions;
    }

    @Override
    public int hashCode() {
        return partitions;
    }
}
