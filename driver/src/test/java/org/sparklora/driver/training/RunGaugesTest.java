package org.sparklora.driver.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.ObjectName;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.watch.progress.Progress;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/** What the sinks of a real Spark show: the Prometheus servlet, read over HTTP, and JMX. */
class RunGaugesTest {

    private static final Pattern GAUGE =
            Pattern.compile("metrics_tests_driver_spark_lora_(\\w+)_Number\\{[^}]*} (\\S+)");

    private SparkSession session;

    @BeforeEach
    void open() {
        session = SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "true")
                .config("spark.ui.port", "0")
                .config("spark.metrics.namespace", "tests")
                .config(
                        "spark.metrics.conf.*.sink.prometheusServlet.class",
                        "org.apache.spark.metrics.sink.PrometheusServlet")
                .config("spark.metrics.conf.*.sink.prometheusServlet.path", "/metrics/prometheus")
                .config("spark.metrics.conf.*.sink.jmx.class", "org.apache.spark.metrics.sink.JmxSink")
                .getOrCreate();
    }

    @AfterEach
    void close() {
        session.stop();
    }

    private Map<String, Double> prometheus() throws IOException, InterruptedException {
        URI page = URI.create(session.sparkContext().uiWebUrl().get()).resolve("/metrics/prometheus/");
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(page)
                                .timeout(Duration.ofSeconds(30))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        Map<String, Double> gauges = new TreeMap<>();
        Matcher found = GAUGE.matcher(answer.body());
        while (found.find()) {
            gauges.put(found.group(1), Double.valueOf(found.group(2)));
        }
        return gauges;
    }

    private static Progress progress() {
        Progress progress = new Progress(Clock.fixed(Instant.EPOCH, ZoneOffset.UTC), new Progress.Screen() {
            @Override
            public void line(String text) {}

            @Override
            public void status(String text) {}

            @Override
            public Duration interval() {
                return Duration.ofDays(1);
            }
        });
        FreezeState groups =
                FreezeState.of(Map.of("top", GroupState.LIVE, "middle", GroupState.LIVE, "bottom", GroupState.DORMANT));
        progress.epochStart(new Position(2, 8, 160, 640), groups, 8837);
        return progress;
    }

    @Test
    void theSinksShowTheRunWhileItGoes() throws Exception {
        Progress progress = progress();
        try (RunGauges gauges = new RunGauges(progress)) {
            gauges.show();
            progress.step(new Position(2, 8, 172, 640), 0.25, 1.5, 384);
            assertThat(prometheus())
                    .containsExactlyInAnyOrderEntriesOf(Map.of(
                            "epoch", 2.0,
                            "step", 172.0,
                            "steps", 640.0,
                            "loss", 0.25,
                            "grad_norm", 1.5,
                            "examples_per_second", 0.0,
                            "live_groups", 2.0,
                            "trainable_parameters", 8837.0));
            ObjectName loss = new ObjectName("metrics:name=tests.driver.spark-lora.loss,type=gauges");
            assertThat(ManagementFactory.getPlatformMBeanServer().getAttribute(loss, "Value"))
                    .isEqualTo(0.25);
        }
        assertThat(prometheus()).as("after the run").isEmpty();
    }

    @Test
    void theFirstOfSeveralRunsHasTheGauges() throws Exception {
        Progress first = progress();
        Progress second = progress();
        try (RunGauges ofFirst = new RunGauges(first)) {
            ofFirst.show();
            try (RunGauges ofSecond = new RunGauges(second)) {
                ofSecond.show();
                second.step(new Position(3, 8, 250, 640), 9, 9, 32);
            }
            first.step(new Position(2, 8, 172, 640), 0.25, 1.5, 32);
            assertThat(List.of(prometheus().get("loss"), prometheus().get("step")))
                    .containsExactly(0.25, 172.0);
        }
    }
}
