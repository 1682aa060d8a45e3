package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;

/** YARN, as EMR and Dataproc set it up, through scripts/spark-lora. */
@Tag("clusters")
class YarnIT {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private static Path folder;

    private static ClusterRun runs;
    private static YarnCluster yarn;

    @BeforeAll
    static void startYarn() throws Exception {
        Path configuration = Files.createDirectory(folder.resolve("conf"));
        runs = new ClusterRun(folder, 2);
        yarn = new YarnCluster("yarn-it", configuration);
        runs.environment("HADOOP_CONF_DIR", configuration.toString());
        runs.environment("YARN_CONF_DIR", configuration.toString());
        runs.run("one", "driver", "local[1]");
    }

    @AfterAll
    static void stop() {
        runs.close();
        if (yarn != null) {
            yarn.close();
        }
    }

    private static TrainingJob.Ended run(String name, Map<String, String> settings) throws Exception {
        return runs.run(name, "auto", "yarn", options(settings).toArray(String[]::new));
    }

    private static List<String> options(Map<String, String> settings) {
        String java = System.getProperty("java.home");
        List<String> options = new ArrayList<>(List.of(
                // Else every run packs and copies Spark.
                "--conf", "spark.yarn.jars=local:" + ClusterRun.SPARK.resolve("jars") + "/*",
                "--conf", "spark.yarn.stagingDir=" + folder.resolve("staging").toUri(),
                "--conf", "spark.yarn.appMasterEnv.JAVA_HOME=" + java,
                "--conf", "spark.executorEnv.JAVA_HOME=" + java,
                "--conf", "spark.yarn.am.extraJavaOptions=" + ClusterRun.FAST_START));
        settings.forEach((key, value) -> options.addAll(List.of("--conf", key + "=" + value)));
        return options;
    }

    @Test
    void executorsThatStayExchangeAmongThemselves() throws Exception {
        TrainingJob.Ended ended = run(
                "static",
                Map.of(
                        // With its pages, before which YARN puts a proxy.
                        "spark.ui.enabled", "true",
                        "spark.executor.instances", "2",
                        "spark.authenticate", "true",
                        "spark.network.crypto.enabled", "true"));
        assertThat(ended.err()).contains("exchange peer: ");
        assertThat(runs.events("static")).contains(" on 2 ranks");
        assertThat(runs.adapter("static")).isEqualTo(runs.adapter("one"));
    }

    @Test
    void withoutTheClustersConfigurationNothingStarts(@TempDir Path elsewhere) throws Exception {
        try (ClusterRun alone = new ClusterRun(elsewhere, 2)) {
            TrainingJob.Ended ended = alone.end("none", alone.start("none", "auto", "yarn"), line -> {});
            assertThat(ended.err())
                    .startsWith("spark-lora: ")
                    .contains("HADOOP_CONF_DIR", "YARN_CONF_DIR", "yarn-site.xml")
                    .hasLineCount(1);
            assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        }
    }

    /** The defaults of EMR: executors come and go, and what they shuffle stays with the node. */
    @Test
    void dynamicAllocationGoesThroughTheDriver() throws Exception {
        TrainingJob.Ended ended = run(
                "dynamic",
                Map.of(
                        "spark.dynamicAllocation.enabled", "true",
                        "spark.dynamicAllocation.maxExecutors", "2",
                        "spark.shuffle.service.enabled", "true"));
        String why = "driver: dynamic allocation";
        assertThat(ended.err()).contains("exchange " + why);
        assertThat(TrainingJob.events(runs.output("dynamic"), "run")
                        .get(0)
                        .at("/choices/exchange")
                        .asText())
                .startsWith(why);
        // A task for each of the four shards, whatever has come so far: so that executors come for them.
        assertThat(tasks("dynamic", "epoch 0 step 0")).containsExactly(4);
        assertThat(runs.adapter("dynamic")).isEqualTo(runs.adapter("one"));
    }

    /** How many tasks the last stage of each job of this description had. */
    private static List<Integer> tasks(String name, String description) throws Exception {
        List<Integer> tasks = new ArrayList<>();
        for (String line : runs.events(name).lines().toList()) {
            JsonNode job = JSON.readTree(line);
            if (job.path("Event").asText().equals("SparkListenerJobStart")
                    && job.at("/Properties/spark.job.description").asText().equals(description)) {
                JsonNode last = StreamSupport.stream(job.get("Stage Infos").spliterator(), false)
                        .max(Comparator.comparingInt(
                                stage -> stage.get("Stage ID").asInt()))
                        .orElseThrow();
                tasks.add(last.get("Number of Tasks").asInt());
            }
        }
        return tasks;
    }

    /** Cluster mode: the driver runs in a container. YARN starts it once more when it is lost. */
    @Test
    void aDriverKilledInTheClusterGoesOn() throws Exception {
        List<String> options = new ArrayList<>(options(Map.of("spark.executor.instances", "1")));
        options.addAll(List.of("--deploy-mode", "cluster"));
        Process client = runs.start("cluster", List.of("--resume"), "yarn", options.toArray(String[]::new));
        Path checkpoint = runs.output("cluster").resolve("checkpoints/epoch-00001/checkpoint.json");
        while (!Files.exists(checkpoint)) {
            assertThat(client.waitFor(50, TimeUnit.MILLISECONDS))
                    .as("ended before its first checkpoint")
                    .isFalse();
        }
        assertThat(killApplicationMaster()).isTrue();
        TrainingJob.Ended ended = runs.end("cluster", client, line -> {});

        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(TrainingJob.status(runs.output("cluster")).get("state").asText())
                .isEqualTo("finished");
        assertThat(TrainingJob.events(runs.output("cluster"), "run")).hasSize(2);
        assertThat(TrainingJob.events(runs.output("cluster"), "step").stream()
                        .map(s -> s.get("step").asInt()))
                .containsExactlyElementsOf(TrainingJob.events(runs.output("one"), "step").stream()
                        .map(s -> s.get("step").asInt())
                        .toList());
        assertThat(runs.adapter("cluster")).isEqualTo(runs.adapter("one"));
    }

    /** kill -9; containers are descendants of this JVM, for the node manager is in it. */
    private static boolean killApplicationMaster() {
        return ProcessHandle.current()
                .descendants()
                .filter(p -> p.info().command().orElse("").endsWith("java"))
                .filter(p -> p.info().commandLine().orElse("").contains("deploy.yarn.ApplicationMaster"))
                .findFirst()
                .map(ProcessHandle::destroyForcibly)
                .orElse(false);
    }
}
