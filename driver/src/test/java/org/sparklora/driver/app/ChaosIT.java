package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.app.ChaosSchedule.Leg;
import org.sparklora.driver.app.ChaosSchedule.Shape;
import org.sparklora.driver.app.StepWatch.Spot;
import org.sparklora.driver.app.StepWatch.Watcher;

/**
 * Executors and drivers that are killed with SIGKILL at random steps, by {@link ChaosSchedule}: the adapter's bits are
 * those of a run that nobody disturbed, and each step stands in the history once.
 */
class ChaosIT {

    /** What a process that kill -9 ended leaves: 128 + 9. */
    private static final int KILLED = 137;

    private static final Shape SHAPE = new Shape(3, 9, 4);
    private static final long[] SEEDS = {1, 2, 3};

    @TempDir
    private static Path folder;

    private static Path job;
    private static Path undisturbed;

    static LongStream seeds() {
        return LongStream.of(SEEDS);
    }

    static LongStream nightlySeeds() {
        return LongStream.range(100, 120);
    }

    @BeforeAll
    static void trainUndisturbed() throws IOException {
        Random random = new Random(4);
        StringBuilder rows = new StringBuilder("text,label\n");
        for (int i = 0; i < 80; i++) {
            boolean yes = random.nextBoolean();
            rows.append(yes ? "love the plot " : "hate the end ").append(yes ? "great" : "bad");
            rows.append(" tok").append(random.nextInt(80)).append(yes ? ",yes\n" : ",no\n");
        }
        Path data = Files.writeString(folder.resolve("train.csv"), rows);
        job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format(
                        """
                model: {path: "%s", max_length: 32}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  r: 4
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    bottom: {target_modules: [query, value], layers_to_transform: [0]}
                schedule: {live: [top], events: [{epoch: 1, thaw: [bottom]}, {epoch: 2, freeze: [top]}]}
                training: {num_train_epochs: %d, batch_size: 8, shards: %d, learning_rate: 0.005}
                """,
                        TrainingJob.TINY_MODEL.toAbsolutePath().normalize(), data, SHAPE.epochs(), SHAPE.shards()));
        undisturbed = folder.resolve("undisturbed");
        TrainingJob.Ended ended = TrainingJob.train("local[1]", job, undisturbed);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(TrainingJob.events(undisturbed, "step")).hasSize(SHAPE.steps());
    }

    @Test
    void theSeedsOfEveryBuildCoverWhatMatters() {
        List<ChaosSchedule> drawn =
                seeds().mapToObj(seed -> ChaosSchedule.draw(seed, SHAPE)).toList();
        assertThat(drawn).anyMatch(s -> s.killsExecutorInMidEpoch("peer", SHAPE));
        assertThat(drawn).anyMatch(s -> s.killsExecutorInMidEpoch("driver", SHAPE));
        assertThat(drawn).anyMatch(ChaosSchedule::killsDriver);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noDeathChangesABit(long seed) throws Exception {
        survive(ChaosSchedule.draw(seed, SHAPE));
    }

    @Tag("nightly")
    @ParameterizedTest
    @MethodSource("nightlySeeds")
    void noDeathOfTwentySchedulesChangesABit(long seed) throws Exception {
        survive(ChaosSchedule.draw(seed, SHAPE));
    }

    private static void survive(ChaosSchedule schedule) throws Exception {
        Path output = folder.resolve("seed-" + schedule.seed());
        for (int leg = 0; leg < schedule.legs().size(); leg++) {
            live(schedule, leg, output);
        }
        assertThat(output.resolve("adapter/adapter_model.safetensors"))
                .as("%s", schedule)
                .hasSameBinaryContentAs(undisturbed.resolve("adapter/adapter_model.safetensors"));
        assertThat(TrainingJob.events(output, "step").stream()
                        .map(step -> step.get("step").asInt()))
                .as("%s", schedule)
                .containsExactlyElementsOf(
                        IntStream.range(0, SHAPE.steps()).boxed().toList());
        TrainingJob.Ended verified = TrainingJob.run("local[1]", "verify", undisturbed.toString(), output.toString());
        assertThat(verified.out()).as("%s: %s", schedule, verified.err()).startsWith("same: ");
        boolean peersDied = schedule.legs().stream()
                .anyMatch(leg ->
                        leg.exchange().equals("peer") && !leg.executorDeaths().isEmpty());
        List<JsonNode> failures = TrainingJob.events(output, "failure");
        assertThat(failures.isEmpty()).as("%s: %s", schedule, failures).isEqualTo(!peersDied);
    }

    /** One driver's life, to the run's end or its own. */
    private static void live(ChaosSchedule schedule, int number, Path output) throws Exception {
        Leg leg = schedule.legs().get(number);
        Set<Spot> due = ConcurrentHashMap.newKeySet();
        due.addAll(leg.executorDeaths());
        CompletableFuture<ClusterProcess> running = new CompletableFuture<>();
        Watcher killer = (spot, executor) -> {
            if (leg.driverDeath().filter(spot::equals).isPresent()) {
                running.get().killDriver();
            } else if (due.remove(spot)) {
                ClusterProcess.kill(executor);
            }
        };
        try (StepWatch watch = StepWatch.open(killer);
                ClusterProcess cluster = ClusterProcess.start(
                        folder.resolve("seed-" + schedule.seed() + "-leg-" + number + ".log"),
                        arguments(schedule, leg, output),
                        "--master",
                        "local-cluster[" + leg.executors() + ",1,1536]",
                        "--conf",
                        "spark.executor.extraJavaOptions=" + watch.javaOptions(),
                        "--driver-java-options",
                        "-XX:TieredStopAtLevel=1")) {
            running.complete(cluster);
            int code = cluster.await();
            assertThat(code)
                    .as("leg %d of %s: %s", number, schedule, cluster.output())
                    .isEqualTo(leg.driverDeath().isPresent() ? KILLED : 0);
            assertThat(due)
                    .as("deaths that did not happen in leg %d of %s", number, schedule)
                    .isEmpty();
        }
    }

    private static List<String> arguments(ChaosSchedule schedule, Leg leg, Path output) {
        OptionalInt every = schedule.checkpointEvery();
        return List.of(
                "train",
                "--resume",
                "--config",
                job.toString(),
                "--output",
                output.toString(),
                "--set",
                "execution.exchange=" + leg.exchange(),
                "--set",
                "execution.checkpoint_every=" + (every.isPresent() ? Integer.toString(every.getAsInt()) : "null"));
    }
}
