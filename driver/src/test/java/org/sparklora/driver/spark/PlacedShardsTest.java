package org.sparklora.driver.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.spark.CacheStorage;
import org.sparklora.worker.spark.CachedShard;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.PredictTask;
import org.sparklora.worker.spark.RunContext;

/** Against a real Spark: shards that move keep what they have, and what is lost is computed again. */
class PlacedShardsTest {

    private static final Path MODEL =
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l");
    private static final int SHARDS = 4;
    private static final int ROWS = 18;
    private static final ClassificationHead HEAD = new ClassificationHead(2);

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
        List<Shard> all = new ArrayList<>();
        for (int shard = 0; shard < SHARDS; shard++) {
            List<Example> rows = new ArrayList<>();
            for (int row = shard; row < ROWS; row += SHARDS) {
                rows.add(new Example(new int[] {2, 7 + row, 9, 3}, 4, row % 2, 1, row));
            }
            all.add(new Shard(shard, rows, 0));
        }
        shards = spark.parallelize(all, SHARDS);
    }

    @AfterEach
    void close() {
        session.stop();
    }

    private static EpochContext context(CachePlan cache) {
        return context(MODEL, cache);
    }

    /** Only the head trains. */
    private static EpochContext context(Path model, CachePlan cache) {
        LoraManifest manifest = new LoraManifest(
                List.of(), BiasMode.NONE, HeadLayers.classifier(32).tensors(2), List.of());
        Map<String, float[]> values = new TreeMap<>();
        manifest.head().forEach(tensor -> {
            float[] v = new float[tensor.size()];
            for (int i = 0; i < v.length; i++) {
                v[i] = i % 5 - 2;
            }
            values.put(tensor.name(), v);
        });
        return new EpochContext(
                new RunContext(
                        ModelSource.everywhere(model.toString()),
                        HEAD,
                        new StepSettings(1, 1, 0, DropoutRates.NONE),
                        ShardOrder.shuffled(1),
                        0),
                new EpochPlan(
                        0,
                        manifest,
                        FreezeState.of(Map.of()),
                        new ShardPlan(SHARDS, SHARDS, ROWS, false),
                        new AdapterSnapshot(values),
                        cache));
    }

    private static CachePlan kept(String digest) {
        return new CachePlan(14, Precision.FLOAT32, digest, "test");
    }

    /** Logits by row, computed from what is kept; a partition of another shard count fails in the task. */
    private Map<Long, List<Float>> logits(JavaRDD<CachedShard> placed, CachePlan cache) {
        Broadcast<EpochContext> context = spark.broadcast(context(cache));
        Map<Long, List<Float>> logits = new TreeMap<>();
        placed.mapPartitions(new PredictTask(context)).collect().forEach(part -> {
            part.rows().forEach(row -> logits.put(row.key(), List.of(row.logits()[0], row.logits()[1])));
        });
        return logits;
    }

    private void keep(PlacedShards placed, CacheStorage storage) {
        placed.keep(context(kept("one")), storage, counter, 2);
    }

    @Test
    void whatIsKeptMovesWithItsShardsAndIsComputedOnce() {
        Map<Long, List<Float>> plain = logits(PlacedShards.each(spark, shards).inTasks(), CachePlan.off("test"));
        assertThat(plain).hasSize(ROWS);
        for (CacheStorage storage : CacheStorage.values()) {
            counter.reset();
            PlacedShards placed = PlacedShards.forRanks(spark, shards, 2);
            keep(placed, storage);
            assertThat(counter.value()).isEqualTo(ROWS);
            assertThat(logits(placed.forRanks(2), kept("one"))).isEqualTo(plain);
            assertThat(logits(placed.forRanks(1), kept("one"))).isEqualTo(plain);
            assertThat(logits(placed.forRanks(3), kept("one"))).isEqualTo(plain);
            assertThat(placed.forRanks(3).getNumPartitions()).isEqualTo(3);
            assertThat(counter.value()).isEqualTo(ROWS);
            placed.drop();
            assertThat(logits(placed.forRanks(3), CachePlan.off("test"))).isEqualTo(plain);
        }
    }

    @Test
    void whatIsLostIsComputedAgain() {
        PlacedShards placed = PlacedShards.each(spark, shards);
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
        PlacedShards placed = PlacedShards.each(spark, shards);
        assertThat(placed.holds(kept("one"))).isFalse();
        keep(placed, CacheStorage.MEMORY);
        int before = spark.getPersistentRDDs().size();
        assertThat(placed.holds(kept("one"))).isTrue();
        assertThat(placed.holds(kept("two"))).isFalse();
        placed.keep(context(kept("two")), CacheStorage.MEMORY, counter, 2);
        assertThat(placed.holds(kept("two"))).isTrue();
        assertThat(spark.getPersistentRDDs()).hasSize(before);
        placed.drop();
        assertThat(spark.getPersistentRDDs()).hasSize(before - 1);
        assertThat(placed.holds(kept("two"))).isFalse();
    }

    @Test
    void aPassThatFailsLeavesNothing() {
        PlacedShards placed = PlacedShards.each(spark, shards);
        EpochContext broken = context(Path.of("no-model-there"), kept("one"));
        int before = spark.getPersistentRDDs().size();
        assertThatThrownBy(() -> placed.keep(broken, CacheStorage.MEMORY, counter, 2))
                .isInstanceOf(SparkException.class)
                .hasMessageContaining("no-model-there");
        assertThat(placed.holds(kept("one"))).isFalse();
        assertThat(spark.getPersistentRDDs()).hasSize(before);
    }
}
