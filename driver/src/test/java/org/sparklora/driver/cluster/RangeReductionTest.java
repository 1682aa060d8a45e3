package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.MapOutputTrackerMaster;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.TaskCompletionListener;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.spark.StepPart;
import scala.collection.JavaConverters;

/** Against a real Spark: executors add what the driver would add, to the bit, also if a task's sums are lost. */
class RangeReductionTest {

    private static final int SHARDS = 64;
    private static final int VALUES = 1_001;

    private final ShardTree tree = new ShardTree(SHARDS);
    private SparkSession session;
    private JavaSparkContext spark;

    @BeforeEach
    void open() {
        session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.maxResultSize", "64k")
                .getOrCreate();
        spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    }

    @AfterEach
    void close() {
        session.stop();
    }

    /** Values of mixed size, so that another order of additions gives other bits. */
    private static ShardSum shard(int s) {
        float[] gradient = new float[VALUES];
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = (float) (KeyedRandom.gaussian(s, i) * (1 << (int) (KeyedRandom.mix(s, i) & 15)));
        }
        return new ShardSum(KeyedRandom.gaussian(s, VALUES), 1 + s, 1, new Padding(s, 1), gradient);
    }

    /** A shard in each partition. */
    private static JavaRDD<StepPart> parts(JavaSparkContext spark) {
        List<Integer> shards = new ArrayList<>();
        for (int s = 0; s < SHARDS; s++) {
            shards.add(s);
        }
        return spark.parallelize(shards, SHARDS)
                .map(s -> new StepPart(
                        new TreeMap<>(Map.of(SHARDS + s, shard(s))), new PhaseTimes(Map.of(Phase.FORWARD, 1L << s))));
    }

    private ShardSum onDriver() {
        Map<Integer, ShardSum> leaves = new HashMap<>();
        for (int s = 0; s < SHARDS; s++) {
            leaves.put(tree.leaf(s), shard(s));
        }
        return tree.total(leaves, ShardSum::add);
    }

    private void requireSame(StepPart total) {
        ShardSum expected = onDriver();
        assertThat(total.sum().gradient()).isEqualTo(expected.gradient());
        assertThat(total.sum().loss()).isEqualTo(expected.loss());
        assertThat(total.sum().weight()).isEqualTo(expected.weight());
        assertThat(total.sum().examples()).isEqualTo(SHARDS);
        assertThat(total.sum().padding()).isEqualTo(expected.padding());
        assertThat(total.times().nanos(Phase.FORWARD)).as("each task once").isEqualTo(-1L);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 40})
    void anyNumberOfRangesGivesTheBitsOfTheDriver(int ranges) {
        requireSame(new RangeReduction(spark, tree, ranges).total(parts(spark)));
        assertThat(((MapOutputTrackerMaster) SparkEnv.get().mapOutputTracker()).containsShuffle(0))
                .isFalse();
    }

    @Test
    void aLostSumIsComputedAgain() {
        JavaRDD<StepPart> lost = parts(spark).mapPartitions(part -> {
            TaskContext task = TaskContext.get();
            TaskCompletionListener loses = ended -> {
                if (task.stageAttemptNumber() == 0 && task.partitionId() == SHARDS - 1) {
                    deleteShuffleFiles(task.taskAttemptId());
                }
            };
            task.addTaskCompletionListener(loses);
            return part;
        });
        requireSame(new RangeReduction(spark, tree, 3).total(lost));
    }

    private static void deleteShuffleFiles(long mapTask) {
        JavaConverters.seqAsJavaList(
                        SparkEnv.get().blockManager().diskBlockManager().getAllFiles())
                .stream()
                .filter(file -> file.getName().matches("shuffle_\\d+_" + mapTask + "_.*"))
                .forEach(File::delete);
    }

    @Test
    void theDriverAddsFewSumsItself() {
        assertThat(RangeReduction.of(spark, tree, 2, 4_000)).as("32 kB").isEmpty();
        assertThat(RangeReduction.of(spark, tree, 3, 4_000))
                .as("a third of 64 shards is several subtrees")
                .isPresent();
        assertThat(RangeReduction.of(spark, tree, 64, 100)).isEmpty();
        assertThat(RangeReduction.of(spark, tree, 64, 200)).isPresent();
    }
}
