package org.sparklora.driver.cluster;

import org.apache.spark.Partition;
import org.apache.spark.rdd.PartitionCoalescer;
import org.apache.spark.rdd.PartitionGroup;
import org.apache.spark.rdd.RDD;
import org.sparklora.driver.cluster.data.KeyPartitioner;
import org.sparklora.worker.allreduce.RankMap;
import scala.Option;

/**
 * Gives each rank or task neighbouring shards, which add up to few subtrees. Spark's own coalescer deals the shards of a host in
 * turn, so that no two neighbours meet.
 *
 * <p>Names no preferred host: Spark then prefers the executor that holds the group's first shard when a job begins.
 */
final class ShardGroups extends KeyPartitioner implements PartitionCoalescer {

    private static final long serialVersionUID = 1L;

    private final RankMap map;

    /** Groups shards by rank. As a partitioner it assigns a shard's index to its rank. */
    ShardGroups(RankMap map) {
        super(map.ranks(), index -> map.rankOf((Integer) index));
        this.map = map;
    }

    @Override
    public PartitionGroup[] coalesce(int tasks, RDD<?> shards) {
        Partition[] partitions = shards.partitions();
        PartitionGroup[] groups = new PartitionGroup[tasks];
        for (int task = 0; task < tasks; task++) {
            groups[task] = new PartitionGroup(Option.empty());
            for (int shard = map.firstShard(task); shard < map.firstShard(task + 1); shard++) {
                groups[task].partitions().$plus$eq(partitions[shard]);
            }
        }
        return groups;
    }
}
