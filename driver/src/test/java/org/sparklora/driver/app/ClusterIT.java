package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real executors, each a JVM of its own, through {@code scripts/spark-lora} and the jar that the build made. */
class ClusterIT {

    private static final int MINUTES = 8;

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        Random random = new Random(3);
        StringBuilder rows = new StringBuilder("text,label\n");
        for (int i = 0; i < 120; i++) {
            boolean yes = random.nextBoolean();
            rows.append(yes ? "love the plot " : "hate the end ").append(yes ? "great" : "bad");
            rows.append(" tok").append(random.nextInt(80)).append(yes ? ",yes\n" : ",no\n");
        }
        Path data = Files.writeString(folder.resolve("train.csv"), rows);
        job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                model: {path: "%s", max_length: 32}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  r: 4
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    bottom: {target_modules: [query, value], layers_to_transform: [0]}
                schedule: {live: [top], events: [{epoch: 2, thaw: [bottom]}]}
                training: {num_train_epochs: 4, batch_size: 8, shards: 4, learning_rate: 0.005}
                """, TrainingJob.TINY_MODEL.toAbsolutePath().normalize(), data));
    }

    private Process start(String name, String exchange, String master) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                TrainingJob.ROOT.resolve("scripts/spark-lora").toString(),
                "train",
                "--config",
                job.toString(),
                "--output",
                folder.resolve(name).toString(),
                "--set",
                "execution.exchange=" + exchange,
                "--",
                "--master",
                master);
        builder.environment().remove("SPARK_HOME");
        builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
        return builder.redirectOutput(folder.resolve(name + ".out").toFile()).start();
    }

    /** Reads stderr to its end; at the first line that begins so, one executor is killed. */
    private static List<String> finish(Process process, String killAt) throws Exception {
        List<String> lines = new ArrayList<>();
        boolean killed = false;
        try (BufferedReader err = process.errorReader()) {
            for (String line = err.readLine(); line != null; line = err.readLine()) {
                lines.add(line);
                if (!killed && !killAt.isEmpty() && line.startsWith(killAt)) {
                    killed = killExecutor(process);
                }
            }
        }
        assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(String.join("\n", lines)).isZero();
        assertThat(killed).isEqualTo(!killAt.isEmpty());
        return lines;
    }

    /** kill -9 of one executor among the children of our own process. */
    private static boolean killExecutor(Process process) {
        return process.descendants()
                .filter(p -> p.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
                .findFirst()
                .map(ProcessHandle::destroyForcibly)
                .orElse(false);
    }

    private byte[] adapter(String name) throws IOException {
        return Files.readAllBytes(folder.resolve(name).resolve("adapter/adapter_model.safetensors"));
    }

    @Test
    void executorsThatExchangeAmongThemselvesGiveTheBitsOfOneCore() throws Exception {
        finish(start("one", "driver", "local[1]"), "");
        finish(start("three", "peer", "local-cluster[3,1,1536]"), "");
        assertThat(adapter("three")).isEqualTo(adapter("one"));
    }

    @Test
    void aKilledExecutorChangesNoBit() throws Exception {
        finish(start("undisturbed", "peer", "local[2]"), "");
        finish(start("killed", "peer", "local-cluster[3,1,1536]"), "epoch 1/4 starts");
        assertThat(adapter("killed")).isEqualTo(adapter("undisturbed"));
        List<JsonNode> steps = TrainingJob.events(folder.resolve("killed"), "step");
        assertThat(steps.stream().map(s -> s.get("step").asInt()))
                .as("each step once")
                .doesNotHaveDuplicates()
                .hasSize(TrainingJob.events(folder.resolve("undisturbed"), "step")
                        .size());
        assertThat(TrainingJob.events(folder.resolve("killed"), "failure")).isNotEmpty();
        assertThat(TrainingJob.events(folder.resolve("killed"), "recovered")).isNotEmpty();
    }
}
