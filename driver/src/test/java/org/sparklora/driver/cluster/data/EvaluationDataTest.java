package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TokenizerSpec;

class EvaluationDataTest {

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
    @CsvSource({"1,8", "7,8", "100,8", "101,4", "5,1"})
    void slicesAreConsecutiveAndComplete(int n, int shards) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            rows.add(LocalSpark.row("f", i + 1, "tok" + i % 70, null, i + "", null));
        }
        Collections.shuffle(rows, new Random(3));
        Dataset<Row> table = LocalSpark.table(spark, rows).repartition(3);
        Shards data = Shards.inOrder(table, new RegressionLabels(), tokens, shards);
        List<Shard> slices = data.rdd().collect();
        assertThat(slices).hasSize(shards);
        long next = 0;
        for (Shard slice : slices) {
            assertThat(slice.size()).isBetween(n / shards, (n + shards - 1) / shards);
            for (Example e : slice.examples()) {
                assertThat(e.key()).isEqualTo(next);
                assertThat((long) e.label()).isEqualTo(next);
                next++;
            }
        }
        assertThat(next).isEqualTo(n);
        assertThat(data.statistics().examples()).isEqualTo(n);
    }

    @Test
    void rowsInOrderAreMovedButNotSorted() {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 9000; i++) {
            rows.add(LocalSpark.row(i < 4000 ? "a" : "b", i + 1, "text", null, null, null));
        }
        // As of a validation fraction: not every row of a file is there.
        Dataset<Row> table = LocalSpark.table(spark, rows).where("row % 3 > 0").repartition(1);
        JavaRDD<Row> ordered = RowOrder.ordered(table.sortWithinPartitions("file", "row"));
        requireOrder(ordered);
        assertThat(ordered.getNumPartitions()).isEqualTo(7);
        // Spark packs small splits into one partition, in any order.
        List<Row> packed = new ArrayList<>();
        for (int from = 8990; from >= 0; from -= 10) {
            packed.addAll(rows.subList(from, from + 10));
        }
        JavaRDD<Row> small = RowOrder.ordered(LocalSpark.table(spark, packed).where("row % 3 > 0"));
        requireOrder(small);
        assertThat(small.getNumPartitions()).isEqualTo(6);
        // These are no runs, or they overlap.
        requireOrder(RowOrder.ordered(table.sortWithinPartitions(expr("row % 2"), expr("row"))));
        requireOrder(RowOrder.ordered(table.repartition(2, expr("row % 2")).sortWithinPartitions("row")));
        requireOrder(RowOrder.ordered(table.sortWithinPartitions(expr("-row"))));
    }

    private static void requireOrder(JavaRDD<Row> rows) {
        List<Long> expected = LongStream.rangeClosed(1, 9000)
                .filter(row -> row % 3 > 0)
                .boxed()
                .toList();
        assertThat(rows.map(row -> row.getLong(1)).collect()).isEqualTo(expected);
    }

    @Test
    void rowsWithoutLabelAreRefused() {
        Dataset<Row> table = LocalSpark.table(
                spark,
                List.of(
                        LocalSpark.row("f", 1, "the", null, null, null),
                        LocalSpark.row("f", 2, null, null, null, null),
                        LocalSpark.row("f", 3, "plot", null, "nonsense", null)));
        assertThatThrownBy(() -> Shards.inOrder(table, ClassLabels.of(List.of("a", "b")), tokens, 2))
                .hasMessageContainingAll("f row 1", "2 more rows", "[data.label.missing]");
    }

    @Test
    void labelsAreLearntSorted() {
        Dataset<Row> table = LocalSpark.table(
                spark,
                List.of(
                        LocalSpark.row("f", 1, "a", null, "b", null),
                        LocalSpark.row("f", 2, "a", null, "10", null),
                        LocalSpark.row("f", 3, "a", null, null, null),
                        LocalSpark.row("f", 4, "a", null, "2", null),
                        LocalSpark.row("f", 5, "a", null, "b", null)));
        List<String> labels = ClassLabels.learn(Task.CLASSIFICATION, table, "train.csv");
        assertThat(labels).containsExactly("10", "2", "b");
        assertThat(ClassLabels.of(labels).encode("b")).isEqualTo(2);
        assertThatThrownBy(() -> ClassLabels.learn(Task.CLASSIFICATION, table.where("label = 'b'"), "train.csv"))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("'train.csv'", "'b'", "[data.labels.count]");
        assertThatThrownBy(() -> ClassLabels.learn(Task.CLASSIFICATION, table.where("label is null"), "train.csv"))
                .hasMessageContainingAll("no label", "[data.labels.count]");
        assertThatThrownBy(() -> ClassLabels.of(List.of("a", "a")))
                .hasMessageContainingAll("'a'", "[data.labels.duplicate]");
        assertThatThrownBy(() -> ClassLabels.of(List.of("a"))).hasMessageContainingAll("1", "[data.labels.count]");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.001, 0.1, 0.5, 0.999})
    void aSplitKeepsEveryRowAndParts(double fraction) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            rows.add(LocalSpark.row("f", i + 1, "text " + i % 100, null, i < 100 ? "a" : "b", null));
        }
        Split split = Split.of(LocalSpark.table(spark, rows), fraction, 42);
        Set<Long> training = numbers(split.training());
        Set<Long> validation = numbers(split.validation());
        int expected = (int) Math.min(99, Math.max(1, Math.round(fraction * 100)));
        assertThat(validation).hasSize(2 * expected);
        assertThat(training).hasSize(200 - 2 * expected).doesNotContainAnyElementsOf(validation);
        // Rows i and i + 100 have the same text.
        assertThat(validation).allSatisfy(row -> assertThat(validation).contains(row > 100 ? row - 100 : row + 100));

        Collections.shuffle(rows, new Random(1));
        Split again = Split.of(LocalSpark.table(spark, rows).repartition(5), fraction, 42);
        assertThat(numbers(again.validation())).isEqualTo(validation);
        assertThat(numbers(Split.of(LocalSpark.table(spark, rows), fraction, 43).validation()))
                .isNotEqualTo(validation);
    }

    @Test
    void aSplitNeedsTwoTexts() {
        Dataset<Row> one = LocalSpark.table(spark, List.of(LocalSpark.row("f", 1, "a", null, "b", null)));
        assertThatThrownBy(() -> Split.of(one, 0.1, 1)).hasMessageContainingAll("1 distinct", "[data.rows.none]");
        assertThatThrownBy(() -> Split.of(one, 1, 1)).hasMessageContainingAll("data.validation.fraction", "1.0");
    }

    private static Set<Long> numbers(Dataset<Row> rows) {
        Set<Long> numbers = new HashSet<>();
        rows.collectAsList().forEach(r -> numbers.add(r.<Long>getAs("row")));
        return numbers;
    }
}
