package org.sparklora.driver.cluster.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.apache.commons.lang3.SerializationUtils;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.cluster.data.RowCoder.Coded;
import org.sparklora.driver.job.config.ClassWeights;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.spark.JavaSerialized;
import scala.Tuple2;

class TrainingDataTest {

    private static final ClassLabels LABELS = ClassLabels.of(List.of("no", "yes"));
    private static final ShardLayout SHUFFLED = new ShardLayout(42, 8, 16, false);
    private static SparkSession spark;
    private static Tokenization tokens;

    @BeforeAll
    static void start() throws IOException {
        spark = LocalSpark.start();
        tokens = new Tokenization(TokenizerSpec.read(LocalSpark.TINY), 12);
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5, 97, 160})
    void theSameShardsFromAnyInput(int n) {
        List<Row> rows = rows(n);
        Shards data = prepare(rows, 1);
        List<Shard> expected = LocalSpark.collect(data);
        ShardPlan plan = data.plan();
        assertThat(plan).isEqualTo(new ShardPlan(8, 16, n, false));
        assertThat(expected).hasSize(8);
        for (int s = 0; s < 8; s++) {
            assertThat(expected.get(s).index()).isEqualTo(s);
            assertThat(expected.get(s).size()).isEqualTo(plan.shardSize(s));
        }
        assertThat(data.rdd().getNumPartitions()).isEqualTo(8);
        for (int partitions : new int[] {3, 7}) {
            List<Row> mixed = new ArrayList<>(rows);
            Collections.shuffle(mixed, new Random(partitions));
            // Other files and rows, too.
            List<Row> renamed = new ArrayList<>();
            for (Row r : mixed) {
                renamed.add(LocalSpark.row(
                        "other" + partitions,
                        renamed.size(),
                        r.getString(2),
                        r.getString(3),
                        r.getString(4),
                        r.getString(5)));
            }
            assertThat(LocalSpark.collect(prepare(renamed, partitions))).isEqualTo(expected);
        }
    }

    @Test
    void aShardIsStoredInBlocksOfBoundedSize() {
        Function<Integer, Shards> inBlocksOf = bytes -> {
            JavaPairRDD<Long, Coded> rows = JavaSparkContext.fromSparkContext(spark.sparkContext())
                    .parallelize(LongStream.range(0, 2_000).boxed().toList(), 3)
                    .mapToPair(row -> new Tuple2<>(
                            row, new Coded(new Example(new int[] {1, 2, row.intValue()}, 3, 0, 1, row), row % 7 == 0)));
            ShardPlan plan = new ShardPlan(4, 8, 2_000, false);
            return Shards.persisted(Shards.ofExamples(rows, KeyPartitioner.training(plan), bytes), plan);
        };
        Shards small = inBlocksOf.apply(2_000);
        // 30 bytes a row, and the descriptions of the classes.
        assertThat(JavaSerialized.collect(small.stored().rdd().map(SerializationUtils::serialize)))
                .hasSize(32)
                .allMatch(block -> block.length < 3_000);
        Shards whole = inBlocksOf.apply(Integer.MAX_VALUE);
        assertThat(whole.stored().rdd().count()).isEqualTo(4);
        assertThat(LocalSpark.collect(small)).isEqualTo(LocalSpark.collect(whole));
        assertThat(small.statistics()).isEqualTo(whole.statistics());
        assertThat(small.statistics().truncated()).isEqualTo(286);
    }

    @Test
    void copiesAreExamplesOfTheirOwn() {
        List<Row> rows = rows(60);
        List<Row> thrice = new ArrayList<>(rows);
        thrice.addAll(rows);
        thrice.addAll(rows);
        List<Shard> shards = LocalSpark.collect(prepare(thrice, 4));
        Set<Long> keys = new HashSet<>();
        LocalSpark.each(shards, Example::key).forEach(keys::addAll);
        assertThat(keys).hasSize(180);
        Collections.reverse(thrice);
        assertThat(LocalSpark.collect(prepare(thrice, 1))).isEqualTo(shards);
    }

    @Test
    void rowsAreSortedByKeyAndDealtRoundRobin() {
        List<List<Long>> keys = LocalSpark.each(LocalSpark.collect(prepare(rows(50), 2)), Example::key);
        List<Long> dealt = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            dealt.add(keys.get(i % 8).get(i / 8));
        }
        assertThat(dealt).isSortedAccordingTo(Long::compareUnsigned);
    }

    @Test
    void theSeedChangesTheDeal() {
        Dataset<Row> rows = LocalSpark.table(spark, rows(50));
        List<Shard> other =
                LocalSpark.collect(TrainingData.prepare(rows, LABELS, tokens, new ShardLayout(43, 8, 16, false)));
        assertThat(other).isNotEqualTo(LocalSpark.collect(prepare(rows(50), 2)));
    }

    @Test
    void labelsWeightsAndTruncationReachTheExamples() {
        Shards data = prepare(
                List.of(
                        LocalSpark.row("f", 1, "the movie", null, "yes", "0.5"),
                        LocalSpark.row("f", 2, "the ".repeat(50), "good plot", "no", null)),
                2);
        List<Example> all = new ArrayList<>();
        LocalSpark.collect(data).forEach(s -> all.addAll(s.examples()));
        assertThat(all).extracting(Example::label).containsExactlyInAnyOrder(1f, 0f);
        assertThat(all).extracting(Example::weight).containsExactlyInAnyOrder(0.5f, 1f);
        assertThat(data.statistics().examples()).isEqualTo(2);
        assertThat(data.statistics().truncated()).isEqualTo(1);
        assertThat(data.statistics().longest()).isEqualTo(12);
        assertThat(data.statistics().length(0.5)).isEqualTo(4);
        assertThat(data.statistics().meanLength()).isEqualTo(8);
    }

    @Test
    void balancedClassesWeighTheLessTheMoreRowsTheyHave() {
        // 34 of 100 rows are "yes". scikit-learn: N / (C n); a class without rows plays no part.
        List<String> labels = List.of("no", "yes", "never");
        Shards data = TrainingData.prepare(
                LocalSpark.table(spark, rows(100)).repartition(3), ClassLabels.of(labels), tokens, SHUFFLED);
        assertThat(ClassBalance.weights(new ClassWeights(Optional.empty()), labels, data))
                .containsExactly((float) (100 / (2.0 * 66)), (float) (100 / (2.0 * 34)), 1f);
        ClassWeights given = new ClassWeights(Optional.of(new TreeMap<>(Map.of("yes", 3.0, "never", 0.0))));
        assertThat(ClassBalance.weights(given, labels, data)).containsExactly(1f, 3f, 0f);
        ClassWeights wrong = new ClassWeights(Optional.of(new TreeMap<>(Map.of("Yes", 3.0))));
        assertThatThrownBy(() -> ClassBalance.weights(wrong, labels, data))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(
                        "training.class_weights", "'Yes'", "did you mean 'yes'?", "[data.label.unseen]");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 100})
    void givenKeepsFilesAndRowsInOrder(int n) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            String file = i < n / 3 ? "a.csv" : "b.csv";
            rows.add(LocalSpark.row(file, i < n / 3 ? i + 1 : i - n / 3 + 1, "the", null, i + "", null));
        }
        ShardPlan plan = new ShardPlan(4, 6, n, true);
        List<List<Float>> expected = new ArrayList<>();
        for (int s = 0; s < 4; s++) {
            expected.add(new ArrayList<>());
        }
        for (int i = 0; i < n; i++) {
            expected.get(plan.shardOfGivenRow(i)).add((float) i);
        }
        Collections.shuffle(rows, new Random(5));
        Dataset<Row> table = LocalSpark.table(spark, rows).repartition(3);
        Shards data = TrainingData.prepare(table, new RegressionLabels(), tokens, new ShardLayout(42, 4, 6, true));
        assertThat(data.plan()).isEqualTo(plan);
        assertThat(LocalSpark.each(LocalSpark.collect(data), Example::label)).isEqualTo(expected);
    }

    @Test
    void problemsNameTheFirstRowAndCountTheRest() {
        assertProblem(
                "data.text.missing",
                List.of("b.csv row 2:", "2 more rows"),
                LocalSpark.row("c.csv", 1, null, null, "yes", null),
                LocalSpark.row("b.csv", 10, "the", null, null, null),
                LocalSpark.row("b.csv", 2, "", null, "yes", null));
        assertProblem("data.label.missing", List.of("a.csv row 1:"), LocalSpark.row("a.csv", 1, "x", null, "", null));
        assertProblem(
                "data.label.unseen",
                List.of("a.csv row 1:", "'Yes'", "did you mean 'yes'?", "'no', 'yes'"),
                LocalSpark.row("a.csv", 1, "x", null, "Yes", null));
        for (String weight : List.of("-1", "NaN", "1d", "heavy", "1e99")) {
            assertProblem(
                    "data.weight.invalid",
                    List.of("a.csv row 1:", "'" + weight + "'"),
                    LocalSpark.row("a.csv", 1, "x", null, "yes", weight));
        }
        Dataset<Row> numbers = LocalSpark.table(spark, List.of(LocalSpark.row("a.csv", 3, "x", null, "nan", null)));
        assertThatThrownBy(() -> TrainingData.prepare(numbers, new RegressionLabels(), tokens, SHUFFLED))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("a.csv row 3:", "'nan'", "[data.label.invalid]");
    }

    @Test
    void weightsThatMeanTheSameAreTheSameContent() {
        RowText bare = new RowText("a", null, "b", null);
        assertThat(ContentHash.of(bare)).isEqualTo(ContentHash.of(new RowText("a", "", "b", " 1 ")));
        assertThat(ContentHash.of(bare)).isNotEqualTo(ContentHash.of(new RowText("a", null, "b", "2")));
        assertThat(ContentHash.of(bare)).isNotEqualTo(ContentHash.of(new RowText("ab", null, "", null)));
        assertThat(ContentHash.of(bare)).isNotEqualTo(ContentHash.of(new RowText("a", "b", null, null)));
    }

    private static void assertProblem(String code, List<String> facts, Row... rows) {
        Dataset<Row> table = LocalSpark.table(spark, List.of(rows));
        assertThatThrownBy(() -> TrainingData.prepare(table, LABELS, tokens, SHUFFLED))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(facts.toArray(String[]::new))
                .hasMessageEndingWith("[" + code + "]");
    }

    private static Shards prepare(List<Row> rows, int partitions) {
        return TrainingData.prepare(LocalSpark.table(spark, rows).repartition(partitions), LABELS, tokens, SHUFFLED);
    }

    private static List<Row> rows(int n) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            String text = "tok" + i % 70 + " the movie".repeat(i % 5) + " tok" + i / 7;
            rows.add(LocalSpark.row("f" + i % 3, i, text, i % 4 == 0 ? "plot" : null, i % 3 == 0 ? "yes" : "no", null));
        }
        return rows;
    }
}
