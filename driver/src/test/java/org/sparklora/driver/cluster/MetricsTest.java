package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.spark.ShardLogits;

/** Expected values are computed by hand from the definitions. */
class MetricsTest {

    private static SparkSession session;

    @BeforeAll
    static void openSession() {
        session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
                .config("spark.kryo.registrationRequired", "true")
                .getOrCreate();
    }

    @AfterAll
    static void closeSession() {
        session.stop();
    }

    private static SortedMap<String, Double> metrics(TaskHead head, Task task, float[] labels, float[]... logits) {
        Predictions predictions = new Predictions(labels.length, head.outputs());
        List<ShardLogits.Row> rows = new ArrayList<>();
        for (int row = 0; row < labels.length; row++) {
            rows.add(new ShardLogits.Row(row, new float[] {labels[row]}, logits[row]));
        }
        predictions.put(new ShardLogits(rows));
        return Metrics.of(session, predictions, head, task, List.of());
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
}
