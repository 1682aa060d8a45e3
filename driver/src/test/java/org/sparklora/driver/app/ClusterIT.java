package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Real executors, each a JVM of its own, through {@code scripts/spark-lora} and the jar that the build made. */
@Tag("clusters")
@ExtendWith(SparkWorkFolders.class)
class ClusterIT {

    @TempDir
    private Path folder;

    private ClusterRun runs;

    @BeforeEach
    void writeJob() throws IOException {
        runs = new ClusterRun(folder, 4);
    }

    @AfterEach
    void endRuns() {
        runs.close();
    }

    /** kill -9 of one executor among the children of our own process. */
    private static boolean killExecutor(Process process) {
        return process.descendants()
                .filter(p -> p.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
                .findFirst()
                .map(ProcessHandle::destroyForcibly)
                .orElse(false);
    }

    @Test
    void executorsThatExchangeAmongThemselvesGiveTheBitsOfOneCore() throws Exception {
        runs.run("one", "driver", "local[1]");
        runs.run("three", "peer", "local-cluster[3,1,1536]");
        assertThat(runs.adapter("three")).isEqualTo(runs.adapter("one"));
        List<String> predicted = runs.predict("one", "predicted by one", "local[1]");
        assertThat(predicted).hasSizeGreaterThan(120).contains("text,label,prediction,probability");
        assertThat(runs.predict("three", "predicted by two", "local-cluster[2,1,1536]"))
                .isEqualTo(predicted);
    }

    @Test
    void kryoEncryptionAndDynamicAllocationChangeNoBit() throws Exception {
        runs.run("plain", "driver", "local[1]");
        runs.run(
                "kryo",
                "peer",
                "local-cluster[2,1,1536]",
                "--conf",
                "spark.serializer=org.apache.spark.serializer.KryoSerializer",
                "--conf",
                "spark.kryo.registrationRequired=true",
                "--conf",
                "spark.io.encryption.enabled=true");
        runs.run(
                "dynamic",
                "auto",
                "local-cluster[2,1,1536]",
                "--conf",
                "spark.executor.cores=1",
                "--conf",
                "spark.dynamicAllocation.enabled=true",
                "--conf",
                "spark.dynamicAllocation.shuffleTracking.enabled=true",
                "--conf",
                "spark.speculation=true");
        assertThat(runs.adapter("kryo")).isEqualTo(runs.adapter("plain"));
        assertThat(runs.adapter("dynamic")).isEqualTo(runs.adapter("plain"));
    }

    @Test
    void aKilledExecutorChangesNoBit() throws Exception {
        runs.run("undisturbed", "peer", "local[2]");
        Process process = runs.start("killed", "peer", "local-cluster[3,1,1536]");
        AtomicBoolean killed = new AtomicBoolean();
        TrainingJob.Ended ended = runs.end("killed", process, line -> {
            if (line.startsWith("epoch 1/4 starts")) {
                killed.set(killExecutor(process));
            }
        });
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(killed).isTrue();
        assertThat(runs.adapter("killed")).isEqualTo(runs.adapter("undisturbed"));
        List<JsonNode> steps = TrainingJob.events(runs.output("killed"), "step");
        assertThat(steps.stream().map(s -> s.get("step").asInt()))
                .as("each step once")
                .doesNotHaveDuplicates()
                .hasSize(TrainingJob.events(runs.output("undisturbed"), "step").size());
        assertThat(TrainingJob.events(runs.output("killed"), "failure")).isNotEmpty();
        assertThat(TrainingJob.events(runs.output("killed"), "recovered")).isNotEmpty();
        JsonNode lost =
                TrainingJob.events(runs.output("killed"), "executor_lost").get(0);
        assertThat(lost.get("phase").asText()).isIn("caching", "training");
        assertThat(lost.get("reason").asText()).contains("137");
        assertThat(lost.get("seconds").asDouble()).isPositive();
    }
}
