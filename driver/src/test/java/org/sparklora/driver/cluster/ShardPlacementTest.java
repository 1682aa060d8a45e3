package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.MapOutputTrackerMaster;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.BlockManager;
import org.apache.spark.storage.RDDBlockId;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.spark.CacheStorage;
import org.sparklora.worker.spark.CachedShard;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.PredictTask;
import org.sparklora.worker.spark.ShardScores;
import org.sparklora.worker.spark.Shared;

/** Against a real Spark: shards that move keep what they have, and what is lost is computed again. */
class ShardPlacementTest {

    private static final int ROWS = HeadOnly.ROWS;

    private SparkSession session;
    private JavaSparkContext spark;
    private JavaRDD<Shard> shards;
    private LongAccumulator counter;

    @BeforeEach
    void open() {
        session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.serializer", "org.apache.spark.serializer.JavaSerializer")
                .getOrCreate();
        spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        counter = spark.sc().longAccumulator("rows");
        shards = HeadOnly.shards(spark);
    }

    @AfterEach
    void close() {
        session.stop();
    }

    private static EpochContext context(CachePlan cache) {
        return HeadOnly.context(HeadOnly.MODEL, cache);
    }

    private static CachePlan kept(String digest) {
        return new CachePlan(14, StoredType.FLOAT32, digest, "test");
    }

    /** Logits by row, computed from what is kept; a partition of another shard count fails in the task. */
    private Map<Long, List<Float>> logits(JavaRDD<CachedShard> placed, CachePlan cache) {
        Shared<EpochContext> context = Shared.of(spark, context(cache));
        Map<Long, List<Float>> logits = new TreeMap<>();
        placed.mapPartitions(new PredictTask<>(context, shard -> new LogitsByRow()))
                .collect()
                .forEach(part -> logits.putAll(part.logits));
        return logits;
    }

    private static final class LogitsByRow implements ShardScores {
        private static final long serialVersionUID = 1L;
        private final TreeMap<Long, List<Float>> logits = new TreeMap<>();

        @Override
        public void add(Example row, float[] values) {
            logits.put(row.key(), List.of(values[0], values[1]));
        }
    }

    private void keep(ShardPlacement placed, CacheStorage storage) {
        placed.cache(context(kept("one")), storage, counter, 2);
    }

    @Test
    void whatIsKeptMovesWithItsShardsAndIsComputedOnce() {
        Map<Long, List<Float>> plain =
                logits(ShardPlacement.byShard(spark, shards).inTasks(), CachePlan.off("test"));
        assertThat(plain).hasSize(ROWS);
        for (CacheStorage storage : CacheStorage.values()) {
            counter.reset();
            ShardPlacement placed = ShardPlacement.byRank(spark, shards, 2);
            keep(placed, storage);
            assertThat(counter.value()).isEqualTo(ROWS);
            assertThat(logits(placed.forRanks(2), kept("one"))).isEqualTo(plain);
            assertThat(logits(placed.forRanks(1), kept("one"))).isEqualTo(plain);
            assertThat(logits(placed.forRanks(3), kept("one"))).isEqualTo(plain);
            assertThat(placed.forRanks(3).getNumPartitions()).isEqualTo(3);
            assertThat(counter.value()).isEqualTo(ROWS);
            placed.dropCache(false);
            assertThat(logits(placed.forRanks(3), CachePlan.off("test"))).isEqualTo(plain);
        }
    }

    @Test
    void sixtyChangesMoveNothingWithinAnExecutorAndGiveTheirSpaceBack() throws Exception {
        ShardPlacement placed = ShardPlacement.byRank(spark, shards, 2);
        keep(placed, CacheStorage.DISK);
        Map<Long, List<Float>> before = logits(placed.forRanks(2), kept("one"));
        MapOutputTrackerMaster shuffles =
                (MapOutputTrackerMaster) session.sparkContext().env().mapOutputTracker();
        int persisted = spark.getPersistentRDDs().size();
        AtomicLong written = new AtomicLong();
        session.sparkContext().addSparkListener(new SparkListener() {
            @Override
            public void onTaskEnd(SparkListenerTaskEnd task) {
                written.addAndGet(task.taskMetrics().shuffleWriteMetrics().bytesWritten());
            }
        });
        for (int change = 0; change < 60; change++) {
            placed.forRanks(1 + change % 2);
            assertThat(spark.getPersistentRDDs()).hasSize(persisted);
            // One for the rows and one for the rows with their activations.
            assertThat(shuffles.shuffleStatuses().size()).isLessThanOrEqualTo(2);
        }
        session.sparkContext().listenerBus().waitUntilEmpty();
        // An index for each shard. The activations alone have 9,216 bytes.
        assertThat(written.get() / 60).isLessThan(4_000);
        assertThat(logits(placed.forRanks(2), kept("one"))).isEqualTo(before);
        assertThat(counter.value()).isEqualTo(ROWS);
        placed.close();
        assertThat(shuffles.shuffleStatuses().size()).isZero();
    }

    @Test
    void aRankThatIsLostAfterAChangeIsComputedAgain() {
        ShardPlacement placed = ShardPlacement.byRank(spark, shards, 2);
        keep(placed, CacheStorage.DISK);
        Map<Long, List<Float>> before = logits(placed.forRanks(2), kept("one"));
        JavaRDD<CachedShard> three = placed.forRanks(3);
        assertThat(logits(three, kept("one"))).isEqualTo(before);
        assertThat(counter.value()).isEqualTo(ROWS);
        // As when the executor goes that held rank 1, which has shard 1.
        BlockManager blocks = session.sparkContext().env().blockManager();
        spark.getPersistentRDDs().keySet().forEach(id -> blocks.removeBlock(new RDDBlockId(id, 1), true));
        assertThat(logits(three, kept("one"))).isEqualTo(before);
        assertThat(counter.value()).isEqualTo(ROWS + 5L);
        spark.getPersistentRDDs().keySet().forEach(id -> blocks.removeBlock(new RDDBlockId(id, 0), true));
        assertThat(logits(placed.forRanks(2), kept("one"))).isEqualTo(before);
    }

    @Test
    void whatIsLostIsComputedAgain() {
        ShardPlacement placed = ShardPlacement.byShard(spark, shards);
        keep(placed, CacheStorage.DISK);
        Map<Long, List<Float>> before = logits(placed.inTasks(), kept("one"));
        assertThat(counter.value()).isEqualTo(ROWS);
        // As when the executor goes that held them: the shards are still asked for under the same name.
        int id = spark.getPersistentRDDs().keySet().iterator().next();
        session.sparkContext().env().blockManager().master().removeRdd(id, true);
        assertThat(logits(placed.inTasks(), kept("one"))).isEqualTo(before);
        assertThat(counter.value()).isEqualTo(2L * ROWS);
    }

    @Test
    void whatIsKeptInsteadTakesThePlaceOfWhatWas() {
        ShardPlacement placed = ShardPlacement.byShard(spark, shards);
        assertThat(placed.hasCached(kept("one"))).isFalse();
        keep(placed, CacheStorage.MEMORY);
        int before = spark.getPersistentRDDs().size();
        assertThat(placed.hasCached(kept("one"))).isTrue();
        assertThat(placed.hasCached(kept("two"))).isFalse();
        placed.cache(context(kept("two")), CacheStorage.MEMORY, counter, 2);
        assertThat(placed.hasCached(kept("two"))).isTrue();
        assertThat(spark.getPersistentRDDs()).hasSize(before);
        placed.dropCache(false);
        assertThat(spark.getPersistentRDDs()).hasSize(before - 1);
        assertThat(placed.hasCached(kept("two"))).isFalse();
    }

    @Test
    void anExecutorWithAnotherProcessorComputesNothing() {
        ShardPlacement placed = ShardPlacement.byShard(spark, shards);
        EpochContext elsewhere = HeadOnly.context(HeadOnly.MODEL, kept("one"), "GenuineIntel avx2");
        assertThatThrownBy(() -> placed.cache(elsewhere, CacheStorage.MEMORY, counter, 2))
                .isInstanceOf(SparkException.class)
                .hasMessageContainingAll("GenuineIntel avx2", "[settings.processor]");
        assertThat(placed.hasCached(kept("one"))).isFalse();
    }

    @Test
    void aPassThatFailsLeavesNothing() {
        ShardPlacement placed = ShardPlacement.byShard(spark, shards);
        EpochContext broken = HeadOnly.context(Path.of("no-model-there"), kept("one"));
        int before = spark.getPersistentRDDs().size();
        assertThatThrownBy(() -> placed.cache(broken, CacheStorage.MEMORY, counter, 2))
                .isInstanceOf(SparkException.class)
                .hasMessageContaining("no-model-there");
        assertThat(placed.hasCached(kept("one"))).isFalse();
        assertThat(spark.getPersistentRDDs()).hasSize(before);
    }

    @Test
    void runsThatShareRowsLeaveEachOtherWhatTheyUseAndTheLastFreesAll() {
        ShardPlacement first = ShardPlacement.byRank(spark, shards, 2);
        ShardPlacement one = first.share();
        ShardPlacement two = first.share();
        keep(one, CacheStorage.MEMORY);
        Map<Long, List<Float>> wanted = logits(one.forRanks(2), kept("one"));
        assertThat(two.hasCached(kept("two"))).isFalse();
        assertThat(two.hasCached(kept("one"))).isTrue();
        assertThat(counter.value()).isEqualTo(ROWS);

        one.cache(context(kept("two")), CacheStorage.MEMORY, counter, 3);
        assertThat(one.forRanks(3).getNumPartitions()).isEqualTo(3);
        assertThat(logits(two.forRanks(2), kept("one"))).isEqualTo(wanted);
        assertThat(logits(two.forRanks(1), kept("one"))).isEqualTo(wanted);
        assertThat(counter.value())
                .as("nothing of the other run is computed again")
                .isEqualTo(2L * ROWS);
        two.dropCache(false);
        assertThat(logits(one.forRanks(3), kept("two"))).isEqualTo(wanted);
        one.close();
        two.close();

        ShardPlacement three = first.share();
        assertThat(three.hasCached(kept("two"))).isTrue();
        assertThat(logits(three.forRanks(2), kept("two"))).isEqualTo(wanted);
        first.close();
        assertThat(logits(three.forRanks(2), kept("two"))).isEqualTo(wanted);
        assertThat(counter.value()).isEqualTo(2L * ROWS);
        three.close();
        assertThat(spark.getPersistentRDDs()).isEmpty();
    }

    @Test
    void runsThatWantTheSameActivationsAtOnceComputeThemOnce() throws Exception {
        ShardPlacement rows = ShardPlacement.byShard(spark, shards);
        List<CompletableFuture<Void>> runs = new ArrayList<>();
        for (int run = 0; run < 4; run++) {
            ShardPlacement own = rows.share();
            runs.add(CompletableFuture.runAsync(() -> {
                keep(own, CacheStorage.MEMORY);
                own.close();
            }));
        }
        CompletableFuture.allOf(runs.toArray(CompletableFuture<?>[]::new)).get(1, TimeUnit.MINUTES);
        assertThat(counter.value()).isEqualTo(ROWS);
        rows.close();
        assertThat(spark.getPersistentRDDs()).isEmpty();
    }
}
