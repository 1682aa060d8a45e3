package org.sparklora.driver.cluster;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.LongAccumulator;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.spark.CacheStorage;
import org.sparklora.worker.spark.CachedShard;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.TrunkTask;

/**
 * The shards of one data set as tasks take them, with what enters the lowest live stage while that is kept.
 *
 * <p>For ranks, partition r holds what rank r of {@link RankMap} owns. They are dealt anew when the number of ranks
 * changes, through a shuffle: a barrier stage bears no coalesced partitions. What is kept moves along, and Spark computes
 * again what was lost. Else a partition holds a shard.
 */
final class ShardPlacement {

    private final JavaSparkContext spark;

    /** A partition a shard. */
    private final JavaRDD<CachedShard> source;

    private JavaRDD<CachedShard> rows;
    private int ranks;
    private @Nullable Kept kept;

    /**
     * Shards of which a plan keeps something.
     *
     * @param context what lost partitions are computed from again
     */
    private record Kept(CachePlan plan, Broadcast<EpochContext> context, JavaRDD<CachedShard> shards) {}

    private ShardPlacement(JavaSparkContext spark, JavaRDD<Shard> shards) {
        this.spark = spark;
        this.source = shards.map(CachedShard::of);
        this.rows = source;
    }

    /** A partition a shard. */
    static ShardPlacement each(JavaSparkContext spark, JavaRDD<Shard> shards) {
        return new ShardPlacement(spark, shards);
    }

    /** A partition a rank. */
    static ShardPlacement forRanks(JavaSparkContext spark, JavaRDD<Shard> shards, int ranks) {
        ShardPlacement placed = new ShardPlacement(spark, shards);
        placed.rows = placed.deal(placed.source, ranks);
        placed.ranks = ranks;
        return placed;
    }

    /** The shards for so many ranks; persisted. */
    JavaRDD<CachedShard> forRanks(int wanted) {
        if (wanted != ranks) {
            if (kept != null) {
                Kept old = kept;
                JavaRDD<CachedShard> moved = deal(old.shards(), wanted);
                // While the old ones are there: later they would have to be computed.
                moved.count();
                old.shards().unpersist(false);
                kept = new Kept(old.plan(), old.context(), moved);
            }
            rows.unpersist(false);
            rows = deal(source, wanted);
            ranks = wanted;
        }
        return now();
    }

    /** The shards in as many tasks as the cluster has use for; the number never changes a bit. */
    JavaRDD<CachedShard> inTasks() {
        return inTasks(now());
    }

    private <T> JavaRDD<T> inTasks(JavaRDD<T> each) {
        int tasks = TaskSlots.tasks(spark, each.getNumPartitions());
        return tasks == each.getNumPartitions() ? each : each.coalesce(tasks);
    }

    private JavaRDD<CachedShard> now() {
        return kept == null ? rows : kept.shards();
    }

    /** Whether what the plan asks for is kept. */
    boolean holds(CachePlan plan) {
        return kept != null && kept.plan().digest().equals(plan.digest());
    }

    /**
     * Runs the frozen prefix once for every row, and keeps what it gives instead of what was kept before.
     *
     * @param counter counts the rows that are done
     * @param slots tasks that can run at once now: as many ranks, if there are ranks
     */
    void keep(EpochContext context, CacheStorage storage, LongAccumulator counter, int slots) {
        drop();
        if (ranks > 0) {
            forRanks(slots);
        }
        Broadcast<EpochContext> broadcast = spark.broadcast(context);
        JavaRDD<CachedShard> shards = rows.mapPartitions(new TrunkTask(broadcast, storage, counter), true)
                .persist(StorageLevel.MEMORY_AND_DISK());
        kept = new Kept(context.plan().cache(), broadcast, shards);
        try {
            (ranks > 0 ? shards : inTasks(shards)).count();
        } catch (Throwable e) {
            // Throwable: Spark throws checked exceptions that no signature names.
            drop();
            throw e;
        }
    }

    /** Frees what is kept, without waiting for executors: one that does not answer must not end the run here. */
    void drop() {
        drop(false);
    }

    private void drop(boolean waits) {
        if (kept != null) {
            kept.shards().unpersist(waits);
            kept.context().destroy();
            kept = null;
        }
    }

    /** Frees all of it, and returns when it is free. */
    void close() {
        drop(true);
        rows.unpersist(true);
    }

    private JavaRDD<CachedShard> deal(JavaRDD<CachedShard> from, int among) {
        return from.keyBy(CachedShard::index)
                .partitionBy(new ByRank(new RankMap(source.getNumPartitions(), among)))
                .values()
                .mapPartitions(part -> {
                    List<CachedShard> mine = new ArrayList<>();
                    part.forEachRemaining(mine::add);
                    mine.sort(Comparator.comparingInt(CachedShard::index));
                    return mine.iterator();
                })
                .persist(StorageLevel.MEMORY_AND_DISK());
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
