package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is expected of a cluster, and what its silence or refusal means. The asking itself: DoctorCommandTest, PackageIT. */
class ExecutorSurveyTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            local[4]              |                                                                        | 1
            local-cluster[3,1,1536] |                                                                      | 3
            local-cluster[3,1,1536] | spark.dynamicAllocation.enabled=true                                 | -1
            yarn                  |                                                                        | 2
            yarn                  | spark.executor.instances=5                                             | 5
            k8s://https://a       | spark.executor.instances=4                                             | 4
            yarn                  | spark.executor.instances=5 spark.dynamicAllocation.enabled=true        | -1
            spark://a:7077        |                                                                        | -1
            spark://a:7077        | spark.cores.max=6 spark.executor.cores=2                               | 3
            """)
    void howManyExecutorsTheSettingsAskFor(String master, String settings, int expected) {
        SparkConf conf = new SparkConf(false).set("spark.master", master);
        for (String setting : settings == null ? new String[0] : settings.split(" ")) {
            conf.set(setting.split("=")[0], setting.split("=")[1]);
        }
        assertThat(ExecutorSurvey.expected(conf).orElse(-1)).isEqualTo(expected);
    }

    @Test
    void anExecutorWithAnOlderJavaIsRecognised() {
        TaskException failure = TaskException.of(
                FailuresTest.thrown(
                        new UnsupportedClassVersionError(
                                "org/sparklora/worker/spark/ExamineTask has been compiled by a more recent version of the Java Runtime")));
        assertThat(ExecutorSurvey.failed(failure))
                .hasMessageContainingAll("Java 17", "spark.executorEnv.JAVA_HOME", "[cluster.java]");
        assertThat(ExecutorSurvey.failed(new SparkException("no")))
                .hasMessageContainingAll("no", "[cluster.executors]");
    }

    @Test
    void waitingEndsWhenTheLastExecutorComesOrTheTimeIsUp() throws Exception {
        AtomicInteger registered = new AtomicInteger(1);
        ExecutorSurvey.await(() -> registered.get() >= 2, Duration.ZERO);

        CompletableFuture<Void> waiting = CompletableFuture.runAsync(
                () -> ExecutorSurvey.await(() -> registered.get() >= 2, Duration.ofMinutes(5)));
        registered.incrementAndGet();
        waiting.get(1, TimeUnit.MINUTES);
        assertThat(registered).hasValue(2);
    }
}
