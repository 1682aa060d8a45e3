package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.Tuple4;
import scala.collection.JavaConverters;

/** Heartbeats are posted on the bus that Spark posts its own on. */
class TaskProgressTest {

    private final List<Long> told = new ArrayList<>();

    private static AccumulableInfo update(long accumulator, long value) {
        return new AccumulableInfo(
                accumulator, Option.apply("rows"), Option.apply(value), Option.empty(), false, false, Option.empty());
    }

    /** The type that is asked for is a Seq of Scala 2.12, or of 2.13. A list is both. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <S> S seq(List<?> items) {
        return (S) JavaConverters.asScalaBufferConverter(items).asScala().toList();
    }

    private static void heartbeat(JavaSparkContext spark, long task, AccumulableInfo... updates) {
        Tuple4<?, ?, ?, ?> beat = new Tuple4<>(task, 1, 0, seq(List.of(updates)));
        spark.sc()
                .listenerBus()
                .post(new SparkListenerExecutorMetricsUpdate(
                        "driver", seq(List.of(beat)), scala.collection.immutable.Map$.MODULE$.empty()));
        try {
            spark.sc().listenerBus().waitUntilEmpty();
        } catch (TimeoutException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void whatRunningTasksHaveAddedIsToldAsItGrows() throws Exception {
        try (SparkSession session = SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .config("spark.executor.heartbeatInterval", "1h")
                .config("spark.network.timeout", "2h")
                .getOrCreate()) {
            JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
            LongAccumulator rows = spark.sc().longAccumulator("rows");
            LongAccumulator other = spark.sc().longAccumulator("other");
            TaskProgress.watch(spark, rows, told::add, () -> {
                heartbeat(spark, 7, update(rows.id(), 10), update(other.id(), 99));
                heartbeat(spark, 8, update(rows.id(), 5));
                heartbeat(spark, 7, update(rows.id(), 12));
                heartbeat(spark, 8, update(other.id(), 100));
            });
            heartbeat(spark, 7, update(rows.id(), 20));
            assertThat(told).containsExactly(10L, 15L, 17L);

            assertThatThrownBy(() -> TaskProgress.watch(spark, rows, told::add, () -> {
                        throw new IllegalStateException("the work failed");
                    }))
                    .hasMessage("the work failed");
            heartbeat(spark, 7, update(rows.id(), 30));
            assertThat(told).hasSize(3);
        }
    }
}
