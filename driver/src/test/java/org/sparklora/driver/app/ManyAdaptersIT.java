package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.app.StepWatch.Spot;
import org.sparklora.driver.app.StepWatch.Watcher;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry;
import org.sparklora.driver.run.history.LocalRunDirectory;

/** Adapters by key and the trials of a sweep: the same bytes on any executors, and through the deaths of executors and driver. */
@Tag("clusters")
@ExtendWith(SparkWorkFolders.class)
class ManyAdaptersIT {

    /** Every key and every trial comes by here, once for each time that it is trained. */
    private static final Spot SPOT = new Spot(1, 0, 0);

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        Random random = new Random(6);
        StringBuilder rows = new StringBuilder("text,label,customer\n");
        for (int i = 0; i < 64; i++) {
            boolean yes = random.nextBoolean();
            rows.append(yes ? "love the plot " : "hate the end ").append("tok").append(random.nextInt(80));
            rows.append(yes ? ",yes," : ",no,")
                    .append("customer ")
                    .append(i % 5)
                    .append('\n');
        }
        Path data = Files.writeString(folder.resolve("train.csv"), rows);
        job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  r: 4
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    low: {target_modules: [query], layers_to_transform: [6]}
                schedule: {live: [top], events: [{epoch: 1, thaw: [low]}]}
                training: {num_train_epochs: 2, batch_size: 4, shards: 4, learning_rate: 0.005}
                """, TrainingJob.TINY_MODEL.toAbsolutePath().normalize(), data));
    }

    /** Runs a command on executors, of which the nth to come by the spot is killed; and the driver at another. */
    private int run(String name, int executors, List<String> command, int killsExecutor, int killsDriver)
            throws Exception {
        AtomicInteger passed = new AtomicInteger();
        CompletableFuture<ClusterProcess> running = new CompletableFuture<>();
        Watcher killer = (spot, executor) -> {
            int times = spot.equals(SPOT) ? passed.incrementAndGet() : 0;
            if (times > 0 && times == killsExecutor) {
                ClusterProcess.kill(executor.process());
            } else if (times > 0 && times == killsDriver) {
                running.get().killDriver();
            }
        };
        try (StepWatch watch = StepWatch.open(killer);
                ClusterProcess cluster =
                        ClusterProcess.onExecutors(executors, watch, folder.resolve(name + ".log"), command)) {
            running.complete(cluster);
            int code = cluster.await();
            assertThat(passed.get()).as(cluster.output()).isGreaterThanOrEqualTo(Math.max(killsExecutor, killsDriver));
            assertThat(code).as(cluster.output()).isEqualTo(killsDriver > 0 ? ClusterProcess.KILLED : 0);
            return passed.get();
        }
    }

    private List<String> keys(Path output, String exchange) {
        return List.of(
                "train",
                "--config",
                job.toString(),
                "--output",
                output.toString(),
                "--set",
                "data.adapter=customer",
                "--set",
                "lora.init=all",
                "--set",
                "execution.exchange=" + exchange);
    }

    private List<String> sweep(Path output, String exchange, String... more) {
        List<String> command = new ArrayList<>(List.of(
                "sweep",
                "--config",
                folder.resolve("sweep.yaml").toString(),
                "--output",
                output.toString(),
                "--set",
                "execution.exchange=" + exchange));
        command.addAll(List.of(more));
        return command;
    }

    private static SortedMap<String, byte[]> adapters(Path output) throws IOException {
        SortedMap<String, byte[]> adapters = new TreeMap<>();
        try (Stream<Path> files = Files.walk(output)) {
            for (Path file : files.filter(each -> each.getFileName().toString().endsWith(".safetensors"))
                    .toList()) {
                String name = output.relativize(file).toString();
                if (name.contains("adapter")) {
                    adapters.put(name, Files.readAllBytes(file));
                }
            }
        }
        return adapters;
    }

    private static SortedMap<String, KeyEntry> entries(Path output) throws IOException {
        return AdapterPack.find(new LocalRunDirectory(output))
                .orElseThrow()
                .index()
                .keys();
    }

    private static void inThisJvm(List<String> command) {
        TrainingJob.Ended ended = TrainingJob.run("local[1]", command.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
    }

    private static void requireSame(Path output, Path expected) throws IOException {
        SortedMap<String, byte[]> adapters = adapters(output);
        SortedMap<String, byte[]> others = adapters(expected);
        assertThat(adapters.keySet()).isNotEmpty().isEqualTo(others.keySet());
        adapters.forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(others.get(name)));
    }

    /** First an adapter of all rows is trained on all ranks, where one executor dies, then the keys in tasks, where another does. */
    @ParameterizedTest
    @CsvSource({"1,driver,0", "1,peer,0", "3,driver,1", "3,peer,4"})
    void adaptersOfKeysAreTheSameOnAnyExecutors(int executors, String exchange, int kills) throws Exception {
        Path alone = folder.resolve("alone");
        inThisJvm(keys(alone, "driver"));
        Path output = folder.resolve("cluster");
        int passed = run("keys", executors, keys(output, exchange), kills, 0);
        // Once for all rows and once for each key, and what was cut short again.
        assertThat(passed).isGreaterThanOrEqualTo(6 + Math.min(kills, 1));
        requireSame(output, alone);
        assertThat(entries(output)).isEqualTo(entries(alone)).hasSize(5);
    }

    @Test
    void aSweepGoesOnThroughDeathsOfExecutorsAndDriver() throws Exception {
        Files.writeString(folder.resolve("sweep.yaml"), "job: job.yaml\nvary: {lora.r: [2, 4], seed: [1, 2]}\n");
        Path alone = folder.resolve("alone");
        inThisJvm(sweep(alone, "driver"));
        Path output = folder.resolve("cluster");
        run("begun", 3, sweep(output, "peer"), 1, 4);
        run("resumed", 2, sweep(output, "driver", "--resume"), 1, 0);
        requireSame(output, alone);
        assertThat(leaderboard(output)).isEqualTo(leaderboard(alone));
    }

    private static String leaderboard(Path output) throws IOException {
        return Files.readString(output.resolve("leaderboard.csv")).replace(output.toString(), "");
    }
}
