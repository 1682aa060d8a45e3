package org.sparklora.driver.cluster;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
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
 *
 * <p>Runs that share a data set have a placement each, which is used by one thread at a time. They have the rows as they were first
 * placed, and the activations cached last, in common.
 */
final class ShardPlacement {

    private final JavaSparkContext spark;

    /** One shard in each partition. */
    private final JavaRDD<CachedShard> source;

    private final Common common;
    private Stored<CachedShard> rows;
    private int ranks;
    private @Nullable Cached cached;

    /**
     * Shards with their activations.
     *
     * @param task computes lost shards again
     * @param users placements, and {@link Common}; when the last one drops them they are freed
     */
    private record Cached(CachePlan plan, TrunkTask task, Stored<CachedShard> shards, AtomicInteger users) {

        Cached(CachePlan plan, TrunkTask task, Stored<CachedShard> shards) {
            this(plan, task, shards, new AtomicInteger(1));
        }

        boolean isOf(CachePlan wanted) {
            return plan.digest().equals(wanted.digest());
        }

        void drop(boolean waits) {
            if (users.decrementAndGet() == 0) {
                free(shards, waits);
                task.context().destroy(false);
            }
        }
    }

    /** What the placements of one data set have in common. Its methods are short; {@link #filling} is held while a cache is filled. */
    private static final class Common {

        private final ReentrantLock filling = new ReentrantLock();
        private Stored<CachedShard> rows;
        private int placements = 1;
        private @Nullable Cached newest;

        Common(Stored<CachedShard> rows) {
            this.rows = rows;
        }

        /** The rows for one more placement. */
        synchronized Stored<CachedShard> join() {
            placements++;
            return rows;
        }

        /** Whether rows are those in common. */
        synchronized boolean has(Stored<CachedShard> some) {
            return some.equals(rows);
        }

        /** Has rows that a placement alone placed again in common from now on, unless others have the old ones. */
        synchronized void replace(Stored<CachedShard> old, Stored<CachedShard> next) {
            if (old.equals(rows) && placements == 1) {
                rows = next;
            }
        }

        /** The last placement that leaves frees everything. */
        synchronized void leave() {
            placements--;
            if (placements == 0) {
                drop(true);
                free(rows, true);
            }
        }

        /** The activations cached last if they are those of a plan, for one more user. */
        synchronized @Nullable Cached find(CachePlan plan) {
            Cached found = newest;
            if (found == null || !found.isOf(plan)) {
                return null;
            }
            found.users().incrementAndGet();
            return found;
        }

        /** Replaces the activations cached last, if they are these. */
        synchronized void replace(Cached old, Cached next) {
            if (old.equals(newest)) {
                put(next);
            }
        }

        synchronized void put(Cached next) {
            drop(false);
            next.users().incrementAndGet();
            newest = next;
        }

        synchronized void drop(boolean waits) {
            if (newest != null) {
                newest.drop(waits);
                newest = null;
            }
        }

        /** Drops the activations cached last if they are these. */
        synchronized void drop(Cached old, boolean waits) {
            if (old.equals(newest)) {
                drop(waits);
            }
        }
    }

    /** Where the shards of a layout with fewer or more ranks are stored. */
    private record Held(int rdd, RankMap map) implements Serializable {

        Optional<CachedShard> shard(int index, boolean elsewhere) {
            return Stored.<CachedShard>read(rdd, map.rankOf(index), elsewhere)
                    .flatMap(shards -> shards.stream()
                            .filter(shard -> shard.index() == index)
                            .findFirst());
        }
    }

    private ShardPlacement(
            JavaSparkContext spark, JavaRDD<CachedShard> source, Common common, Stored<CachedShard> rows, int ranks) {
        this.spark = spark;
        this.source = source;
        this.common = common;
        this.rows = rows;
        this.ranks = ranks;
    }

    /** Places one shard in each partition. */
    static ShardPlacement byShard(JavaSparkContext spark, JavaRDD<Shard> shards) {
        JavaRDD<CachedShard> source = shards.map(CachedShard::of);
        Stored<CachedShard> rows = Stored.of(source);
        return new ShardPlacement(spark, source, new Common(rows), rows, 0);
    }

    /** Places the shards of one rank in each partition. */
    static ShardPlacement byRank(JavaSparkContext spark, JavaRDD<Shard> shards, int ranks) {
        JavaRDD<CachedShard> source = shards.map(CachedShard::of);
        Stored<CachedShard> rows = toRanks(spark, source, null, source, ranks);
        return new ShardPlacement(spark, source, new Common(rows), rows, ranks);
    }

    /** The same shards for one more run. */
    ShardPlacement share() {
        Stored<CachedShard> same = common.join();
        return new ShardPlacement(
                spark, source, common, same, ranks == 0 ? 0 : same.wrapped().getNumPartitions());
    }

    /** Returns the shards in one partition for each rank, persisted. */
    JavaRDD<CachedShard> forRanks(int wanted) {
        Cached old = cached;
        if (old != null && old.shards().wrapped().getNumPartitions() != wanted) {
            TrunkTask task = old.task().again(spark);
            Stored<CachedShard> shards = moved(old.shards(), source.mapPartitions(task), wanted);
            cached = new Cached(old.plan(), task, shards);
            common.replace(old, cached);
            old.drop(false);
        }
        if (rows.wrapped().getNumPartitions() != wanted) {
            Stored<CachedShard> before = rows;
            rows = moved(before, source, wanted);
            common.replace(before, rows);
            freeOwn(before, false);
        }
        ranks = wanted;
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
                        each.rdd().coalesce(tasks, false, Option.apply(groups(source.getNumPartitions(), tasks)), null),
                        each.classTag());
    }

    private JavaRDD<CachedShard> current() {
        return (cached == null ? rows : cached.shards()).rdd();
    }

    /** Whether the plan's activations are cached, by this run or another one. */
    boolean hasCached(CachePlan plan) {
        if (cached != null && cached.isOf(plan)) {
            return true;
        }
        Cached found = common.find(plan);
        if (found == null) {
            return false;
        }
        dropCache(false);
        cached = found;
        return true;
    }

    /**
     * Runs the frozen trunk once for every row and caches its activations, replacing older ones. Another run that wants them waits.
     *
     * @param counter counts finished rows
     * @param slots tasks that can run at once now; the number of ranks, if shards are placed by rank
     */
    void cache(EpochContext context, CacheStorage storage, LongAccumulator counter, int slots) {
        dropCache(false);
        if (ranks > 0) {
            forRanks(slots);
        }
        common.filling.lock();
        try {
            if (hasCached(context.plan().cache())) {
                return;
            }
            // Before the new ones are computed.
            common.drop(false);
            TrunkTask task = new TrunkTask(Shared.of(spark, context), storage, counter);
            Stored<CachedShard> shards =
                    Stored.of(rows.rdd().mapPartitions(task, true)).persist();
            cached = new Cached(context.plan().cache(), task, shards);
            (ranks > 0 ? shards.rdd() : inTasks(shards.rdd())).count();
            common.put(cached);
        } catch (Throwable e) {
            // Throwable: Spark throws checked exceptions that no signature declares.
            dropCache(false);
            throw e;
        } finally {
            common.filling.unlock();
        }
    }

    /**
     * Frees the activations that this run has, unless another run uses them.
     *
     * @param waits whether to return when they are free; during a run, an executor that does not answer must not end it
     */
    void dropCache(boolean waits) {
        if (cached != null) {
            common.drop(cached, waits);
            cached.drop(waits);
            cached = null;
        }
    }

    /** Frees the storage that no other placement uses, and returns when it is free. The activations cached last stay for these. */
    void close() {
        if (cached != null) {
            cached.drop(true);
            cached = null;
        }
        freeOwn(rows, true);
        common.leave();
    }

    /** Frees rows that were placed again for this run. */
    private void freeOwn(Stored<CachedShard> placed, boolean waits) {
        if (!common.has(placed)) {
            free(placed, waits);
        }
    }

    private static ShardGroups groups(int shards, int tasks) {
        return new ShardGroups(new RankMap(shards, tasks));
    }

    /**
     * Moves shards to other ranks.
     *
     * @param base computes shards that are lost, one in each partition
     */
    private Stored<CachedShard> moved(Stored<CachedShard> old, JavaRDD<CachedShard> base, int wanted) {
        Stored<CachedShard> moved = toRanks(spark, source, old, base, wanted);
        try {
            // Moves them before the old partitions are freed; later they would be recomputed.
            moved.rdd().count();
        } catch (Throwable e) {
            // Throwable: Spark throws checked exceptions that no signature declares.
            free(moved, false);
            throw e;
        }
        return moved;
    }

    /** Frees the storage, and the files of the shuffle that filled it. */
    private static void free(Stored<CachedShard> shards, boolean waits) {
        shards.unpersist(waits);
        shards.wrapped().rdd().cleanShuffleDependencies(false);
    }

    /** @param source the shards without activations */
    private static Stored<CachedShard> toRanks(
            JavaSparkContext spark,
            JavaRDD<CachedShard> source,
            @Nullable Stored<CachedShard> old,
            JavaRDD<CachedShard> base,
            int wanted) {
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
                JavaSerialized.shuffle(JavaPairRDD.fromJavaRDD(leaving).partitionBy(groups(shards, wanted)));
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
