package org.sparklora.driver.cluster;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
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
import scala.Tuple2;

/**
 * The shards of one data set in the partitions that tasks read, with their trunk activations while those are cached.
 *
 * <p>For the peer exchange, partition r holds the shards of rank r as {@link RankMap} says. When the number of ranks changes,
 * each rank runs where most of its shards are, and a shuffle moves the others, since a barrier stage does not support coalesced
 * partitions. Cached activations move with their shard; Spark recomputes lost ones. Otherwise each partition holds one shard.
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
     * @param task computes lost shards again
     */
    private record Cached(CachePlan plan, TrunkTask task, Stored<CachedShard> shards) {}

    /** Where the shards of a layout with fewer or more ranks are stored. */
    private record Held(int rdd, RankMap map) implements Serializable {

        Optional<CachedShard> shard(int index, boolean elsewhere) {
            return Stored.<CachedShard>read(rdd, map.rankOf(index), elsewhere)
                    .flatMap(shards -> shards.stream()
                            .filter(shard -> shard.index() == index)
                            .findFirst());
        }
    }

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
        placed.rows = placed.toRanks(null, placed.source, ranks);
        placed.ranks = ranks;
        return placed;
    }

    /** Returns the shards in one partition for each rank, persisted. */
    JavaRDD<CachedShard> forRanks(int wanted) {
        if (wanted != ranks) {
            if (cached != null) {
                Cached old = cached;
                JavaRDD<CachedShard> lost = source.mapPartitions(old.task());
                cached = new Cached(old.plan(), old.task(), moved(old.shards(), lost, wanted));
            }
            rows = moved(rows, source, wanted);
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
        TrunkTask task = new TrunkTask(Shared.of(spark, context), storage, counter);
        Stored<CachedShard> shards =
                Stored.of(rows.rdd().mapPartitions(task, true)).persist();
        cached = new Cached(context.plan().cache(), task, shards);
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
            free(cached.shards(), waits);
            cached.task().context().destroy(false);
            cached = null;
        }
    }

    /** Frees all storage, and returns when it is free. */
    void close() {
        dropCache(true);
        free(rows, true);
    }

    private ShardGroups groups(int tasks) {
        return new ShardGroups(new RankMap(source.getNumPartitions(), tasks));
    }

    /**
     * Moves shards to other ranks, unless they are there.
     *
     * @param base computes shards that are lost, one in each partition
     */
    private Stored<CachedShard> moved(Stored<CachedShard> old, JavaRDD<CachedShard> base, int wanted) {
        if (old.wrapped().getNumPartitions() == wanted) {
            return old;
        }
        Stored<CachedShard> moved = toRanks(old, base, wanted);
        try {
            // Moves them before the old partitions are freed; later they would be recomputed.
            moved.rdd().count();
        } catch (Throwable e) {
            // Throwable: Spark throws checked exceptions that no signature declares.
            free(moved, false);
            throw e;
        }
        free(old, false);
        return moved;
    }

    /** Frees the storage, and the files of the shuffle that filled it. */
    private static void free(Stored<CachedShard> shards, boolean waits) {
        shards.unpersist(waits);
        shards.wrapped().rdd().cleanShuffleDependencies(false);
    }

    private Stored<CachedShard> toRanks(@Nullable Stored<CachedShard> old, JavaRDD<CachedShard> base, int wanted) {
        int shards = source.getNumPartitions();
        RankMap map = new RankMap(shards, wanted);
        List<String> ofRanks = old == null ? Collections.nCopies(wanted, "") : old.holders();
        Held held = new Held(old == null ? -1 : old.wrapped().id(), new RankMap(shards, ofRanks.size()));
        List<String> holders = IntStream.range(0, shards)
                .mapToObj(shard -> ofRanks.get(held.map().rankOf(shard)))
                .toList();
        List<String> executors = Stored.executors(spark);
        int slots = TaskSlots.perExecutor(spark).orElse(1 + (wanted - 1) / Math.max(1, executors.size()));
        ShardMoves moves = ShardMoves.plan(map, holders, executors, slots);
        boolean first = base == source && holders.stream().allMatch(String::isEmpty);
        JavaRDD<Tuple2<Integer, List<CachedShard>>> leaving = PlacedRdd.of(base.rdd(), holders, (shard, rows) -> {
            List<CachedShard> row = new ArrayList<>();
            if (first) {
                rows.get().forEachRemaining(row::add);
            } else if (moves.moves(shard)) {
                held.shard(shard, false).ifPresent(row::add);
            }
            // A shard that stays, or is lost, leaves nothing but its index.
            return List.of(new Tuple2<>(shard, row)).iterator();
        });
        JavaPairRDD<Integer, List<CachedShard>> arriving =
                JavaSerialized.shuffle(JavaPairRDD.fromJavaRDD(leaving).partitionBy(groups(wanted)));
        RDD<CachedShard> lost = base.rdd();
        Partition[] partitions = lost.partitions();
        JavaRDD<CachedShard> placed = PlacedRdd.of(arriving.rdd(), moves.executors(), (rank, rows) -> {
            List<CachedShard> own = new ArrayList<>();
            rows.get().forEachRemaining(row -> {
                int shard = row._1();
                own.add(row._2().stream()
                        .findFirst()
                        .or(() -> held.shard(shard, true))
                        .orElseGet(() -> lost.iterator(partitions[shard], TaskContext.get())
                                .next()));
            });
            own.sort(Comparator.comparingInt(CachedShard::index));
            return own.iterator();
        });
        return Stored.of(placed).persist();
    }
}
