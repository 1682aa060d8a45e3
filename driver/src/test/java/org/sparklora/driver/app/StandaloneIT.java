package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;

/** Spark's standalone cluster: a master, two workers with an executor each, and applications through scripts/spark-lora. */
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
            assertThat(ended.err()).contains("exchange peer: the executors stay");
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
            String[] refused = {cluster.master(), "spark.authenticate", "[cluster.unreachable]"};
            turnedAway("without", without, ExitCode.CLUSTER, refused);
            turnedAway("wrong", wrong, ExitCode.CLUSTER, refused);
        }
    }

    @Test
    void authenticationWithoutASecretIsRefusedAtOnce() throws Exception {
        // Nobody listens there, and nobody is asked.
        Process process = runs.start("none", "auto", "spark://127.0.0.1:1", "--conf", "spark.authenticate=true");
        turnedAway(
                "none",
                process,
                ExitCode.USAGE,
                "spark.authenticate.secret",
                "[settings.spark]");
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
        List<String> ours =
                ended.err().lines().filter(l -> l.startsWith("spark-lora: ")).toList();
        assertThat(ours).as(ended.err()).hasSize(1);
        assertThat(ours.get(0)).contains(facts);
        assertThat(ended.code()).isEqualTo(code.code());
        assertThat("spark-lora: " + TrainingJob.status(runs.output(name)).get("message").asText())
                .isEqualTo(ours.get(0));
        assertThat(runs.output(name).resolve("adapter")).doesNotExist();
    }
}
