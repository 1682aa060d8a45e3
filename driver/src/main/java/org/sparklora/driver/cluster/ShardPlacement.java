package org.sparklora.driver.cluster;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.spark.CacheStorage;
import org.sparklora.worker.spark.CachedShard;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.spark.Stored;
import org.sparklora.worker.spark.TrunkTask;
import scala.Option;

/**
 * The shards of one data set in the partitions that tasks read, with their trunk activations while those are cached.
 *
 * <p>For the peer exchange, partition r holds the shards of rank r as {@link RankMap} says. When the number of ranks changes,
 * a shuffle moves the shards, since a barrier stage does not support coalesced partitions. Cached activations move with their
 * shard; Spark recomputes lost ones. Otherwise each partition holds one shard.
 */
final class ShardPlacement {

    private final JavaSparkContext spark;

    /** One shard in each partition. */
    private final JavaRDD<CachedShard> source;

    private Stored<CachedShard> rows;
    private int ranks;
    private @Nullable Cached cached;

    /**
     * Shards with their activations.
     *
     * @param context lost partitions are recomputed from it
     */
    private record Cached(CachePlan plan, Shared<EpochContext> context, Stored<CachedShard> shards) {}

    private ShardPlacement(JavaSparkContext spark, JavaRDD<Shard> shards) {
        this.spark = spark;
        this.source = shards.map(CachedShard::of);
        this.rows = Stored.of(source);
    }

    /** Places one shard in each partition. */
    static ShardPlacement byShard(JavaSparkContext spark, JavaRDD<Shard> shards) {
        return new ShardPlacement(spark, shards);
    }

    /** Places the shards of one rank in each partition. */
    static ShardPlacement byRank(JavaSparkContext spark, JavaRDD<Shard> shards, int ranks) {
        ShardPlacement placed = new ShardPlacement(spark, shards);
        placed.rows = placed.repartitionByRank(placed.source, ranks);
        placed.ranks = ranks;
        return placed;
    }

    /** Returns the shards in one partition for each rank, persisted. */
    JavaRDD<CachedShard> forRanks(int wanted) {
        if (wanted != ranks) {
            if (cached != null) {
                Cached old = cached;
                Stored<CachedShard> moved = repartitionByRank(old.shards().rdd(), wanted);
                // Moves the activations before the old partitions are freed; later they would be recomputed.
                moved.rdd().count();
                old.shards().unpersist(false);
                cached = new Cached(old.plan(), old.context(), moved);
            }
            rows.unpersist(false);
            rows = repartitionByRank(source, wanted);
            ranks = wanted;
        }
        return current();
    }

    /** Returns the shards in as many partitions as the cluster can use at once. The number does not change any bit. */
    JavaRDD<CachedShard> inTasks() {
        return inTasks(current());
    }

    private <T> JavaRDD<T> inTasks(JavaRDD<T> each) {
        int tasks = TaskSlots.tasks(spark, each.getNumPartitions());
        return tasks == each.getNumPartitions()
                ? each
                : JavaRDD.fromRDD(
                        each.rdd().coalesce(tasks, false, Option.apply(groups(tasks)), null), each.classTag());
    }

    private JavaRDD<CachedShard> current() {
        return (cached == null ? rows : cached.shards()).rdd();
    }

    /** Whether the plan's activations are cached. */
    boolean hasCached(CachePlan plan) {
        return cached != null && cached.plan().digest().equals(plan.digest());
    }

    /**
     * Runs the frozen trunk once for every row and caches its activations, replacing older ones.
     *
     * @param counter counts finished rows
     * @param slots tasks that can run at once now; the number of ranks, if shards are placed by rank
     */
    void cache(EpochContext context, CacheStorage storage, LongAccumulator counter, int slots) {
        dropCache(false);
        if (ranks > 0) {
            forRanks(slots);
        }
        Shared<EpochContext> shared = Shared.of(spark, context);
        Stored<CachedShard> shards = Stored.of(rows.rdd().mapPartitions(new TrunkTask(shared, storage, counter), true))
                .persist();
        cached = new Cached(context.plan().cache(), shared, shards);
        try {
            (ranks > 0 ? shards.rdd() : inTasks(shards.rdd())).count();
        } catch (Throwable e) {
            // Throwable: Spark throws checked exceptions that no signature declares.
            dropCache(false);
            throw e;
        }
    }

    /**
     * Frees cached activations.
     *
     * @param waits whether to return when they are free; during a run, an executor that does not answer must not end it
     */
    void dropCache(boolean waits) {
        if (cached != null) {
            cached.shards().unpersist(waits);
            cached.context().destroy(false);
            cached = null;
        }
    }

    /** Frees all storage, and returns when it is free. */
    void close() {
        dropCache(true);
        rows.unpersist(true);
    }

    private ShardGroups groups(int tasks) {
        return new ShardGroups(new RankMap(source.getNumPartitions(), tasks));
    }

    private Stored<CachedShard> repartitionByRank(JavaRDD<CachedShard> from, int ranks) {
        return Stored.of(JavaSerialized.shuffle(from.keyBy(CachedShard::index).partitionBy(groups(ranks)))
                        .values()
                        .mapPartitions(part -> {
                            List<CachedShard> shards = new ArrayList<>();
                            part.forEachRemaining(shards::add);
                            shards.sort(Comparator.comparingInt(CachedShard::index));
                            return shards.iterator();
                        }))
                .persist();
    }
}
