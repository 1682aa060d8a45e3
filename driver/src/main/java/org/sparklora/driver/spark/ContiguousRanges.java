package org.sparklora.driver.spark;

import java.io.Serializable;
import org.apache.spark.Partition;
import org.apache.spark.rdd.PartitionCoalescer;
import org.apache.spark.rdd.PartitionGroup;
import org.apache.spark.rdd.RDD;
import org.apache.spark.scheduler.TaskLocation;
import scala.Option;
import scala.collection.Seq;

/**
 * Gives each task a contiguous range of shards, so that it can add up whole subtrees before it answers. A task prefers
 * the executor that holds the first of its shards.
 */
final class ContiguousRanges implements PartitionCoalescer, Serializable {

    private static final long serialVersionUID = 1L;

    @Override
    public PartitionGroup[] coalesce(int tasks, RDD<?> shards) {
        Partition[] partitions = shards.partitions();
        PartitionGroup[] groups = new PartitionGroup[Math.min(tasks, partitions.length)];
        for (int t = 0; t < groups.length; t++) {
            int from = (int) ((long) partitions.length * t / groups.length);
            int to = (int) ((long) partitions.length * (t + 1) / groups.length);
            Seq<TaskLocation> cached = shards.context().getPreferredLocs(shards, from);
            Option<String> preferred = cached.isEmpty()
                    ? Option.empty()
                    : Option.apply(cached.head().toString());
            groups[t] = new PartitionGroup(preferred);
            for (int p = from; p < to; p++) {
                groups[t].partitions().$plus$eq(partitions[p]);
            }
        }
        return groups;
    }
}
