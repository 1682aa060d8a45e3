package org.sparklora.driver.spark;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.storage.StorageLevel;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.data.Shard;

/**
 * The shards dealt to ranks: partition r holds what rank r of {@link RankMap} owns. Dealt anew when the number of ranks
 * changes, through a shuffle: a barrier stage bears no coalesced partitions.
 */
final class RankedShards implements AutoCloseable {

    private final JavaRDD<Shard> shards;
    private JavaRDD<Shard> dealt;
    private int ranks;

    RankedShards(JavaRDD<Shard> shards, int ranks) {
        this.shards = shards;
        this.ranks = ranks;
        this.dealt = deal(ranks);
    }

    /** The shards for so many ranks; persisted. */
    JavaRDD<Shard> forRanks(int wanted) {
        if (wanted != ranks) {
            dealt.unpersist(false);
            ranks = wanted;
            dealt = deal(wanted);
        }
        return dealt;
    }

    private JavaRDD<Shard> deal(int wanted) {
        return shards.keyBy(Shard::index)
                .partitionBy(new ByRank(new RankMap(shards.getNumPartitions(), wanted)))
                .values()
                .mapPartitions(part -> {
                    List<Shard> mine = new ArrayList<>();
                    part.forEachRemaining(mine::add);
                    mine.sort(Comparator.comparingInt(Shard::index));
                    return mine.iterator();
                })
                .persist(StorageLevel.MEMORY_AND_DISK());
    }

    @Override
    public void close() {
        dealt.unpersist(false);
    }

    /** Sends a shard to the rank that owns it. */
    private static final class ByRank extends Partitioner {

        private static final long serialVersionUID = 1L;

        private final RankMap map;

        ByRank(RankMap map) {
            this.map = map;
        }

        @Override
        public int numPartitions() {
            return map.ranks();
        }

        @Override
        public int getPartition(Object shard) {
            return map.rankOf((Integer) shard);
        }

        @Override
        public boolean equals(Object o) {
            return o instanceof ByRank other && map.equals(other.map);
        }

        @Override
        public int hashCode() {
            return map.hashCode();
        }
    }
}
