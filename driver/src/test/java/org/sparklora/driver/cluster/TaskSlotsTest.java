package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.function.Consumer;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;

class TaskSlotsTest {

    private static void on(String master, Map<String, String> settings, Consumer<JavaSparkContext> check) {
        SparkConf conf = new SparkConf().setMaster(master).setAppName("slots").set("spark.ui.enabled", "false");
        settings.forEach(conf::set);
        try (JavaSparkContext spark = new JavaSparkContext(conf)) {
            check.accept(spark);
        }
    }

    @Test
    void thereAreNoMoreRanksThanShards() {
        on("local[3]", Map.of(), spark -> {
            assertThat(TaskSlots.available(spark)).isEqualTo(3);
            assertThat(TaskSlots.ranks(spark, 8)).isEqualTo(3);
            assertThat(TaskSlots.ranks(spark, 2)).isEqualTo(2);
        });
    }

    @Test
    void aTaskThatTakesSeveralCoresTakesOneSlot() {
        on("local[4]", Map.of("spark.task.cpus", "2"), spark -> {
            assertThat(TaskSlots.available(spark)).isEqualTo(2);
            assertThat(TaskSlots.tasks(spark, 8)).isEqualTo(2);
            assertThat(TaskSlots.perExecutor(spark)).hasValue(2);
        });
    }

    @Test
    void anExecutorsTasksAreToldByItsCores() {
        SparkConf cluster = new SparkConf(false).setMaster("yarn");
        assertThat(TaskSlots.perExecutor(cluster)).isEmpty();
        cluster.set("spark.executor.cores", "5").set("spark.task.cpus", "2");
        assertThat(TaskSlots.perExecutor(cluster)).hasValue(2);
    }

    @Test
    void theNumberOfTasksIsThatOfTheSlots() {
        on(
                "local[2]",
                Map.of("spark.default.parallelism", "7"),
                spark -> assertThat(TaskSlots.tasks(spark, 8)).isEqualTo(2));
    }

    @Test
    void whereExecutorsComeForTasksThereIsOneForEachShard() {
        // Local masters have no executors to add, except that Spark lets its tests pretend.
        Map<String, String> dynamic =
                Map.of("spark.dynamicAllocation.enabled", "true", "spark.dynamicAllocation.testing", "true");
        on("local[2]", dynamic, spark -> assertThat(TaskSlots.tasks(spark, 8)).isEqualTo(8));
    }
}
