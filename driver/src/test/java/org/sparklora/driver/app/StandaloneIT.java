package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;

/** Spark's standalone cluster: a master, two workers with an executor each, and applications through scripts/spark-lora. */
@Tag("clusters")
class StandaloneIT {

    @TempDir
    private static Path folder;

    private static ClusterRun runs;

    @BeforeAll
    static void runOnOneCore() throws Exception {
        runs = new ClusterRun(folder, 2);
        runs.run("one", "driver", "local[1]");
    }

    @AfterAll
    static void endRuns() {
        runs.close();
    }

    @Test
    void separateExecutorsGiveTheBitsOfOneCore() throws Exception {
        try (StandaloneCluster cluster = new StandaloneCluster(folder.resolve("open"), 2, Map.of())) {
            TrainingJob.Ended ended = runs.run("two", "auto", cluster.master());
            assertThat(ended.err()).contains("exchange peer: ");
        }
        assertThat(runs.adapter("two")).isEqualTo(runs.adapter("one"));
        assertThat(runs.events("two")).contains(" on 2 ranks");
    }

    /** The applications run at once, because one that is turned away asks three times, 20 s apart. */
    @Test
    void anApplicationWithTheSecretRunsAndOthersAreTurnedAway() throws Exception {
        Map<String, String> settings = Map.of(
                "spark.authenticate", "true",
                "spark.authenticate.secret", "sesame",
                "spark.network.crypto.enabled", "true");
        try (StandaloneCluster cluster = new StandaloneCluster(folder.resolve("closed"), 2, settings)) {
            Process without = runs.start("without", "auto", cluster.master());
            Process wrong = runs.start("wrong", "auto", cluster.master(), secret("barley"));
            runs.run("right", "auto", cluster.master(), secret("sesame"));
            assertThat(runs.adapter("right")).isEqualTo(runs.adapter("one"));
            assertThat(runs.events("right")).contains(" on 2 ranks");
            turnedAway("without", without, ExitCode.CLUSTER, cluster.master(), "spark.authenticate");
            turnedAway("wrong", wrong, ExitCode.CLUSTER, cluster.master(), "spark.authenticate");
        }
    }

    @Test
    void aRunThatLosesEveryExecutorWaitsForNewOnes() throws Exception {
        try (StandaloneCluster cluster = new StandaloneCluster(folder.resolve("cut"), 2, Map.of())) {
            Process process = runs.start("lost", "peer", cluster.master());
            AtomicBoolean lost = new AtomicBoolean();
            List<CompletableFuture<String>> added = new ArrayList<>();
            TrainingJob.Ended ended = runs.end("lost", process, line -> {
                if (line.contains("epoch 1/2 starts") && lost.compareAndSet(false, true)) {
                    cluster.stopWorkers();
                } else if (line.contains("waits for executors")) {
                    added.add(worker(cluster));
                }
            });
            assertThat(added)
                    .singleElement()
                    .satisfies(worker -> assertThat(worker).isCompleted());
            assertThat(ended.code()).as(ended.err()).isZero();
        }
        assertThat(runs.adapter("lost")).isEqualTo(runs.adapter("one"));
        JsonNode waited = TrainingJob.events(runs.output("lost"), "waited").get(0);
        assertThat(waited.get("slots").asInt()).isEqualTo(1);
        assertThat(waited.get("wanted").asInt()).isEqualTo(1);
        // Only what the lost executors ran may have failed: waiting does not count as a failure.
        assertThat(TrainingJob.events(runs.output("lost"), "failure")).hasSizeLessThanOrEqualTo(1);
    }

    private static CompletableFuture<String> worker(StandaloneCluster cluster) {
        try {
            return cluster.startWorker();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void authenticationWithoutASecretIsRefusedAtOnce() throws Exception {
        // Nobody listens there, and nobody is asked.
        Process process = runs.start("none", "auto", "spark://127.0.0.1:1", "--conf", "spark.authenticate=true");
        turnedAway("none", process, ExitCode.USAGE, "spark.authenticate.secret");
    }

    private static String[] secret(String secret) {
        return new String[] {
            "--conf", "spark.authenticate=true",
            "--conf", "spark.authenticate.secret=" + secret,
            "--conf", "spark.network.crypto.enabled=true"
        };
    }

    private static void turnedAway(String name, Process process, ExitCode code, String... facts) throws Exception {
        TrainingJob.Ended ended = runs.end(name, process, seen -> {});
        String error = SmallJob.error(ended);
        assertThat(error).contains(facts);
        assertThat(ended.code()).isEqualTo(code.code());
        assertThat(TrainingJob.status(runs.output(name)).get("message").asText())
                .isEqualTo(error);
        assertThat(runs.output(name).resolve("adapter")).doesNotExist();
    }
}
