package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.correlation.PearsonsCorrelation;
import org.apache.commons.math3.stat.correlation.SpearmansCorrelation;
import org.apache.commons.math3.stat.ranking.NaturalRanking;
import org.apache.commons.math3.util.MathArrays;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.cluster.failure.SparkSentences;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.spark.JavaSerialized;
import scala.Tuple2;

/** Expected values are computed by hand from the definitions. */
class MetricsTest {

    private static final int MAX_RESULT_BYTES = 256 * 1024;

    private static SparkSession session;

    @BeforeAll
    static void openSession() {
        session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
                .config("spark.kryo.registrationRequired", "true")
                .config(SparkSentences.MAX_RESULT_SIZE, MAX_RESULT_BYTES)
                .getOrCreate();
    }

    @AfterAll
    static void closeSession() {
        session.stop();
    }

    private static SortedMap<String, Double> metrics(TaskHead head, Task task, float[] labels, float[]... logits) {
        return metrics(new Metrics(task, head, List.of()), 4, 2, labels, logits);
    }

    /** The metrics of rows in consecutive shards, in a number of partitions. */
    private static SortedMap<String, Double> metrics(
            Metrics metrics, int shards, int partitions, float[] labels, float[]... logits) {
        JavaRDD<ScoredShard> scored = JavaSparkContext.fromSparkContext(session.sparkContext())
                .parallelize(IntStream.range(0, shards).boxed().toList(), partitions)
                .map(shard -> {
                    ScoredShard scores = new ScoredShard(shard, metrics);
                    for (int row = labels.length * shard / shards; row < labels.length * (shard + 1) / shards; row++) {
                        scores.add(new Example(new int[] {1}, 1, labels[row], 1, row), logits[row]);
                    }
                    return scores;
                });
        SortedMap<String, Double> sorted = metrics.of(scored, shards, Long.MAX_VALUE);
        if (labels.length < 1000) {
            assertThat(metrics.of(scored, shards, labels.length))
                    .as("found on the driver")
                    .isEqualTo(sorted);
        }
        return sorted;
    }

    @Test
    void f1WeighsTheClassesByTheirFrequency() {
        SortedMap<String, Double> metrics = metrics(
                new ClassificationHead(3), Task.CLASSIFICATION, new float[] {0, 0, 0, 0, 0, 2, 2, 1}, new float[][] {
                    {2, 1, 0},
                    {0, 1, .5f},
                    {0, .2f, .1f},
                    {1, .5f, 0},
                    {.3f, .2f, .1f},
                    {0, 0, 1},
                    {.5f, .1f, .9f},
                    {0, 2, 1}
                });
        assertThat(metrics).containsOnlyKeys("accuracy", "f1", "loss");
        assertThat(metrics.get("accuracy")).isEqualTo(0.75);
        // 5/8 · 0.75 + 1/8 · 0.5 + 2/8 · 1
        assertThat(metrics.get("f1")).isCloseTo(0.78125, within(1e-12));
    }

    @Test
    void equalScoresCountAHalfForTheArea() {
        SortedMap<String, Double> metrics =
                metrics(new ClassificationHead(2), Task.CLASSIFICATION, new float[] {0, 1, 1, 0, 1, 0}, new float[][] {
                    {0, .5f}, {-1, 1}, {.5f, 1}, {1, 0}, {0, .25f}, {0, 1.5f}
                });
        // Of 9 pairs of a positive and a negative row, 5 are in order and 1 is equal.
        assertThat(metrics.get("auc")).isCloseTo(5.5 / 9, within(1e-12));
        assertThat(metrics.get("accuracy")).isCloseTo(4.0 / 6, within(1e-12));
    }

    @Test
    void regressionComparesValuesAndRanks() {
        SortedMap<String, Double> metrics =
                metrics(new RegressionHead(), Task.REGRESSION, new float[] {1, 2, 3, 4.5f}, new float[][] {
                    {1.5f}, {1}, {3.5f}, {4}
                });
        assertThat(metrics).containsOnlyKeys("loss", "mse", "pearson", "spearman");
        assertThat(metrics.get("mse")).isCloseTo(0.4375, within(1e-12));
        assertThat(metrics.get("pearson")).isCloseTo(0.8721260700719874, within(1e-12));
        assertThat(metrics.get("spearman")).isCloseTo(0.8, within(1e-12));
    }

    private static float[][] numbers(Random random, int rows, int columns, int distinct) {
        float[][] numbers = new float[rows][columns];
        for (float[] row : numbers) {
            for (int c = 0; c < columns; c++) {
                row[c] = (random.nextInt(distinct) - distinct / 2) / 8f;
            }
        }
        return numbers;
    }

    private static double[] column(float[][] numbers) {
        return IntStream.range(0, numbers.length)
                .mapToDouble(i -> numbers[i][0])
                .toArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 1000})
    void correlationsAreThoseOfTheDefinition(int distinct) {
        Random random = new Random(distinct);
        float[][] predicted = numbers(random, 300, 1, distinct);
        float[][] wanted = numbers(random, 300, 1, 2 + distinct / 3);
        float[] labels = new float[300];
        for (int i = 0; i < labels.length; i++) {
            // A large mean, by which sums of squares would lose their digits.
            labels[i] = 5000 + wanted[i][0] + predicted[i][0];
            wanted[i][0] = labels[i];
        }
        SortedMap<String, Double> metrics = metrics(new RegressionHead(), Task.REGRESSION, labels, predicted);
        double[] x = column(predicted);
        double[] y = column(wanted);
        double distance = MathArrays.distance(x, y);
        assertThat(metrics.get("mse")).isCloseTo(distance * distance / 300, withinPercentage(1e-10));
        if (distinct == 1) {
            assertThat(metrics.get("pearson")).isNaN();
            assertThat(metrics.get("spearman")).isNaN();
        } else {
            assertThat(metrics.get("pearson")).isCloseTo(new PearsonsCorrelation().correlation(x, y), within(1e-12));
            assertThat(metrics.get("spearman")).isCloseTo(new SpearmansCorrelation().correlation(x, y), within(1e-12));
        }
        assertThat(metrics(new Metrics(Task.REGRESSION, new RegressionHead(), List.of()), 4, 1, labels, predicted))
                .as("on one executor")
                .isEqualTo(metrics);
    }

    @Test
    void aRowHasNoCorrelation() {
        SortedMap<String, Double> metrics =
                metrics(new RegressionHead(), Task.REGRESSION, new float[] {2}, new float[] {1});
        assertThat(metrics.get("pearson")).isNaN();
        assertThat(metrics.get("spearman")).isNaN();
        assertThat(metrics.get("mse")).isEqualTo(1);
    }

    private static double difference(float[] logits) {
        return logits[1] - logits[0];
    }

    /** Pairs are counted one by one. */
    @ParameterizedTest
    @ValueSource(ints = {1, 4, 1000})
    void theAreaIsTheShareOfPairsInOrder(int distinct) {
        Random random = new Random(distinct);
        float[][] logits = numbers(random, 200, 2, distinct);
        float[] labels = new float[200];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = random.nextInt(3) == 0 ? 1 : 0;
        }
        double inOrder = 0;
        int pairs = 0;
        for (int p = 0; p < labels.length; p++) {
            for (int n = 0; n < labels.length; n++) {
                if (labels[p] == 1 && labels[n] == 0) {
                    pairs++;
                    inOrder += (Math.signum(difference(logits[p]) - difference(logits[n])) + 1) / 2;
                }
            }
        }
        Metrics metrics = new Metrics(Task.CLASSIFICATION, new ClassificationHead(2), List.of());
        SortedMap<String, Double> values = metrics(metrics, 8, 3, labels, logits);
        assertThat(values.get("auc")).isEqualTo(inOrder / pairs);
        for (int partitions : new int[] {1, 2, 8}) {
            assertThat(metrics(metrics, 8, partitions, labels, logits)).isEqualTo(values);
        }
    }

    @Test
    void theAreaOfOneClassIsThatOfMllib() {
        for (int label : new int[] {0, 1}) {
            SortedMap<String, Double> metrics =
                    metrics(new ClassificationHead(2), Task.CLASSIFICATION, new float[] {label}, new float[] {0, 1});
            assertThat(metrics.get("auc")).isEqualTo(label);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 40})
    void ranksDoNotDependOnPartitions(int partitions) {
        Random random = new Random(7);
        List<Tuple2<Double, Integer>> rows = new ArrayList<>();
        double[] numbers = new double[500];
        for (int row = 0; row < numbers.length; row++) {
            // Half of the rows are equal, so that they are several bounds.
            numbers[row] = row % 2 == 0 ? 3 : random.nextInt(100);
            rows.add(new Tuple2<>(numbers[row], row));
        }
        double[] wanted = new NaturalRanking().rank(numbers);
        double[] ranks = new double[numbers.length];
        JavaSerialized.collect(Ranks.twice(
                        JavaSparkContext.fromSparkContext(session.sparkContext())
                                .parallelizePairs(rows, 3),
                        rows.size(),
                        partitions))
                .forEach(row -> ranks[row._2()] = row._1() / 2.0);
        assertThat(ranks).isEqualTo(wanted);
    }

    /** More rows than the driver would accept, and sums that are as large for a thousandth of them. */
    @Test
    void theDriverReceivesAsMuchForAnyNumberOfRows() {
        Random random = new Random(1);
        int rows = 4 * MAX_RESULT_BYTES / Float.BYTES;
        float[][] logits = numbers(random, rows, 2, 1000);
        float[] labels = new float[rows];
        for (int i = 0; i < rows; i++) {
            labels[i] = i % 2;
        }
        SortedMap<String, Double> metrics =
                metrics(new Metrics(Task.CLASSIFICATION, new ClassificationHead(2), List.of()), 8, 4, labels, logits);
        assertThat(metrics.get("auc")).isBetween(0.4, 0.6);
        assertThat(metrics(new Metrics(Task.REGRESSION, new RegressionHead(), List.of()), 8, 4, labels, logits)
                        .get("spearman"))
                .isBetween(-0.1, 0.1);
    }
}
