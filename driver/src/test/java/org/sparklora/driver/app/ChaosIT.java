package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.app.ChaosSchedule.Leg;
import org.sparklora.driver.app.StepWatch.Spot;
import org.sparklora.driver.app.StepWatch.Watcher;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.machine.Machine;

/**
 * Executors and drivers that are killed with SIGKILL at random steps, by {@link ChaosSchedule}: the adapter's bits are
 * those of a run that nobody disturbed, and each step stands in the history once.
 */
@Tag("clusters")
@ExtendWith(SparkWorkFolders.class)
class ChaosIT {

    private static final long[] SEEDS = {1, 2, 3};

    @TempDir
    private static Path folder;

    private static ChaosJob inFloat32;
    private static ChaosJob inBfloat16;

    static LongStream seeds() {
        return LongStream.of(SEEDS);
    }

    static LongStream nightlySeeds() {
        return LongStream.range(100, 120);
    }

    @BeforeAll
    static void trainUndisturbed() throws IOException {
        inFloat32 = ChaosJob.trained(folder.resolve("float32"), Precision.FLOAT32);
        inBfloat16 = Machine.hardware().hasBfloat16()
                ? ChaosJob.trained(folder.resolve("bfloat16"), Precision.BFLOAT16)
                : inFloat32;
    }

    /** Every second schedule disturbs a run in bfloat16. */
    private static ChaosJob job(ChaosSchedule schedule) {
        return schedule.seed() % 2 == 0 ? inBfloat16 : inFloat32;
    }

    @Test
    void theSeedsOfEveryBuildCoverWhatMatters() {
        List<ChaosSchedule> drawn = seeds().mapToObj(seed -> ChaosSchedule.draw(seed, ChaosJob.SHAPE))
                .toList();
        assertThat(drawn).anyMatch(s -> s.killsExecutorInMidEpoch("peer", ChaosJob.SHAPE));
        assertThat(drawn).anyMatch(s -> s.killsExecutorInMidEpoch("driver", ChaosJob.SHAPE));
        assertThat(drawn).anyMatch(ChaosSchedule::killsDriver);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noDeathChangesABit(long seed) throws Exception {
        survive(ChaosSchedule.draw(seed, ChaosJob.SHAPE));
    }

    @Tag("nightly")
    @ParameterizedTest
    @MethodSource("nightlySeeds")
    void noDeathOfTwentySchedulesChangesABit(long seed) throws Exception {
        survive(ChaosSchedule.draw(seed, ChaosJob.SHAPE));
    }

    private static void survive(ChaosSchedule schedule) throws Exception {
        Path output = folder.resolve("seed-" + schedule.seed());
        for (int leg = 0; leg < schedule.legs().size(); leg++) {
            live(schedule, leg, output);
        }
        job(schedule).requireUndisturbed(output, schedule);
        boolean peersDied = schedule.legs().stream()
                .anyMatch(leg ->
                        leg.exchange().equals("peer") && !leg.executorDeaths().isEmpty());
        List<JsonNode> failures = TrainingJob.events(output, "failure");
        // In the other exchange Spark does the lost task again, and the run does not hear of it.
        assertThat(failures.isEmpty()).as("%s: %s", schedule, failures).isEqualTo(!peersDied);
    }

    /** One driver's life, to the run's end or its own. */
    private static void live(ChaosSchedule schedule, int number, Path output) throws Exception {
        Leg leg = schedule.legs().get(number);
        OptionalInt every = schedule.checkpointEvery();
        Set<Spot> due = ConcurrentHashMap.newKeySet();
        due.addAll(leg.executorDeaths());
        CompletableFuture<ClusterProcess> running = new CompletableFuture<>();
        Watcher killer = (spot, executor) -> {
            if (leg.driverDeath().filter(spot::equals).isPresent()) {
                running.get().killDriver();
            } else if (due.remove(spot)) {
                ClusterProcess.kill(executor.process());
            }
        };
        try (StepWatch watch = StepWatch.open(killer);
                ClusterProcess cluster = ClusterProcess.onExecutors(
                        leg.executors(),
                        watch,
                        folder.resolve("seed-" + schedule.seed() + "-leg-" + number + ".log"),
                        job(schedule)
                                .command(
                                        output,
                                        "execution.exchange=" + leg.exchange(),
                                        "execution.checkpoint_every="
                                                + (every.isPresent() ? Integer.toString(every.getAsInt()) : "null")))) {
            running.complete(cluster);
            int code = cluster.await();
            assertThat(code)
                    .as("leg %d of %s: %s", number, schedule, cluster.output())
                    .isEqualTo(leg.driverDeath().isPresent() ? ClusterProcess.KILLED : 0);
            assertThat(due)
                    .as("deaths that did not happen in leg %d of %s", number, schedule)
                    .isEmpty();
        }
    }
}
