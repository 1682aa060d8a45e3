package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.app.StepWatch.Spot;
import org.sparklora.worker.contract.Precision;

/** Runs that end with a code of their own, in processes of their own, and go on with {@code --resume}. */
@ExtendWith(SparkWorkFolders.class)
class FailureIT {

    /** In the middle of the run. */
    private static final Spot SPOT = new Spot(1, 4, 2);

    @TempDir
    private static Path folder;

    private static ChaosJob job;

    @BeforeAll
    static void trainUndisturbed() throws IOException {
        job = ChaosJob.trained(folder, Precision.FLOAT32);
    }

    /** Goes on in this JVM, on one core. */
    private static void resume(Path output) {
        TrainingJob.Ended resumed =
                TrainingJob.run("local[1]", job.command(output).toArray(String[]::new));
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(resumed.err()).contains("resuming from checkpoints/epoch-00001");
        job.requireUndisturbed(output, resumed.err());
    }

    private static String lineOf(ClusterProcess cluster) throws IOException {
        List<String> lines = cluster.output()
                .lines()
                .filter(line -> line.startsWith("spark-lora: "))
                .toList();
        assertThat(lines).as(cluster.output()).hasSize(1);
        return lines.get(0).substring("spark-lora: ".length());
    }

    private static void requireStatus(Path output, String state, int code, String message) {
        JsonNode status = TrainingJob.status(output);
        assertThat(status.get("state").asText()).isEqualTo(state);
        assertThat(status.get("exit_code").asInt()).isEqualTo(code);
        assertThat(status.get("message").asText()).isEqualTo(message);
    }

    @Test
    void executorsThatKeepDyingEndTheRunWith6() throws Exception {
        Path output = folder.resolve("dying");
        try (StepWatch watch = StepWatch.open((spot, executor) -> {
                    if (spot.equals(SPOT)) {
                        ClusterProcess.kill(executor.process());
                    }
                });
                ClusterProcess cluster = ClusterProcess.onExecutors(
                        2,
                        watch,
                        folder.resolve("dying.log"),
                        job.command(
                                output,
                                "execution.exchange=peer",
                                "execution.max_failures=2",
                                "execution.checkpoint_every=3"))) {
            assertThat(cluster.await()).as(cluster.output()).isEqualTo(6);
            String line = lineOf(cluster);
            assertThat(line)
                    .contains("2 times in a row", "step 12 of epoch 1", "--resume")
                    .containsPattern(" (was|is) lost")
                    .endsWith("[cluster.failed]");
            requireStatus(output, "failed", 6, line);
        }
        assertThat(TrainingJob.events(output, "failure")).hasSize(2);
        resume(output);
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143"})
    void aSignalCancelsTheRun(String signal, int code) throws Exception {
        Path output = folder.resolve("stopped-by-" + signal);
        AtomicBoolean sent = new AtomicBoolean();
        try (StepWatch watch = StepWatch.open((spot, driver) -> {
                    if (spot.equals(SPOT) && sent.compareAndSet(false, true)) {
                        ClusterProcess.signal(driver.process(), signal);
                        // The step is not done before the process is: the run cannot get to its end first.
                        driver.process().onExit().get(2, TimeUnit.MINUTES);
                    }
                });
                ClusterProcess driver = ClusterProcess.start(
                        folder.resolve(signal + ".log"),
                        job.command(output, "execution.exchange=driver"),
                        "--master",
                        "local[1]",
                        "--driver-java-options",
                        watch.javaOptions())) {
            assertThat(driver.await()).as(driver.output()).isEqualTo(code);
            requireStatus(output, "cancelled", 130, lineOf(driver));
            assertThat(lineOf(driver)).contains("cancelled", "--resume");
        }
        assertThat(TrainingJob.events(output, "failure")).isEmpty();
        resume(output);
    }

    @Test
    void aNumberThatChangesInOneExecutorsMemoryEndsTheRun() throws Exception {
        Path output = folder.resolve("corrupt");
        AtomicBoolean done = new AtomicBoolean();
        try (StepWatch watch = StepWatch.open((spot, executor) -> {
                    if (spot.equals(SPOT) && done.compareAndSet(false, true)) {
                        executor.corruptState();
                    }
                });
                ClusterProcess cluster = ClusterProcess.onExecutors(
                        2, watch, folder.resolve("corrupt.log"), job.command(output, "execution.exchange=peer"))) {
            assertThat(cluster.await()).as(cluster.output()).isEqualTo(6);
            String line = lineOf(cluster);
            assertThat(line)
                    .containsPattern("from 9 on, group '\\w+' .* rank 0 \\(.+:\\d+\\) and rank 1 \\(.+:\\d+\\)")
                    .endsWith("[cluster.ranks-differ]");
            requireStatus(output, "failed", 6, line);
        }
        assertThat(TrainingJob.events(output, "failure")).as("done again").isEmpty();
        resume(output);
    }

    /** Spark computes the lost task again, or the run repeats the job; either way its history names the executor. */
    @ParameterizedTest
    @CsvSource({"org.sparklora.worker.spark.TrunkTask, caching", "org.sparklora.worker.spark.PredictTask, validation"})
    void anExecutorThatDiesOutsideTheStepsChangesNoBit(Class<?> task, String phase) throws Exception {
        Path output = folder.resolve("died-in-" + phase);
        AtomicBoolean died = new AtomicBoolean();
        try (StepWatch watch = StepWatch.atCallsOf(task, "call", (call, executor) -> {
                    if (died.compareAndSet(false, true)) {
                        ClusterProcess.kill(executor.process());
                    }
                });
                ClusterProcess cluster =
                        ClusterProcess.onExecutors(2, watch, folder.resolve(phase + ".log"), job.command(output))) {
            assertThat(cluster.await()).as(cluster.output()).isZero();
        }
        job.requireUndisturbed(output, phase);
        assertThat(TrainingJob.events(output, "executor_lost"))
                .extracting(event -> event.get("phase").asText())
                .containsExactly(phase);
    }

    /** A machine that hangs closes no connection. Takes Spark as long as its own timeouts are to notice. */
    @Tag("nightly")
    @Test
    void aFrozenExecutorIsNamedAndGivenUp() throws Exception {
        Path output = folder.resolve("frozen");
        AtomicBoolean frozen = new AtomicBoolean();
        try (StepWatch watch = StepWatch.open((spot, executor) -> {
                    if (spot.equals(SPOT) && frozen.compareAndSet(false, true)) {
                        ClusterProcess.signal(executor.process(), "STOP");
                    }
                });
                ClusterProcess cluster = ClusterProcess.onExecutors(
                        2,
                        watch,
                        folder.resolve("frozen.log"),
                        job.command(output, "execution.exchange=peer", "execution.max_failures=10"),
                        "--conf",
                        "spark.lora.stepTimeout=30s",
                        "--conf",
                        "spark.network.timeout=40s",
                        "--conf",
                        "spark.network.timeoutInterval=10s",
                        "--conf",
                        "spark.executor.heartbeatInterval=5s")) {
            assertThat(cluster.await()).as(cluster.output()).isZero();
        }
        job.requireUndisturbed(output, "frozen");
        assertThat(TrainingJob.events(output, "failure").get(0).get("message").asText())
                .startsWith("step 13: rank 1 (")
                .contains("30000 ms", "UP of step 12");
    }
}
