package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.SparkPlugin;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tasks that Spark kills, as a scheduler does that wants their slots back: the run does the segment again, and gives up
 * after {@code execution.max_failures}.
 */
class KilledTasksTest {

    private static final int STEPS = 9;

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        job = TrainingJob.smallest(folder);
        System.setProperty("spark.plugins", Killer.class.getName());
    }

    @AfterEach
    void forgetKiller() {
        System.clearProperty("spark.plugins");
    }

    /** Kills a task of the next segments, from within it: it is there, and cannot end before the order comes. */
    public static final class Killer implements SparkPlugin {

        private static final AtomicInteger LEFT = new AtomicInteger();
        private static final AtomicInteger SPARED = new AtomicInteger();
        private static final AtomicInteger VALIDATIONS = new AtomicInteger();

        /** Spares so many segments, then kills a task of each of so many. */
        static void order(int spared, int killed) {
            SPARED.set(spared);
            LEFT.set(killed);
        }

        /** Cancels so many validations, by their stage: Spark itself repeats a single task. */
        static void orderValidations(int cancelled) {
            VALIDATIONS.set(cancelled);
        }

        @Override
        public @Nullable DriverPlugin driverPlugin() {
            return null;
        }

        @Override
        public ExecutorPlugin executorPlugin() {
            return new ExecutorPlugin() {
                @Override
                public void onTaskStart() {
                    TaskContext task = TaskContext.get();
                    boolean first = task instanceof BarrierTaskContext && task.partitionId() == 0;
                    if (first && SPARED.getAndDecrement() <= 0 && LEFT.getAndDecrement() > 0) {
                        SparkContext.getOrCreate().killTaskAttempt(task.taskAttemptId(), true, "preempted");
                        awaitTheEnd();
                    }
                    boolean validates = String.valueOf(task.getLocalProperty("spark.job.description"))
                            .endsWith("validation");
                    if (validates && task.partitionId() == 0 && VALIDATIONS.getAndDecrement() > 0) {
                        SparkContext.getOrCreate().cancelStage(task.stageId());
                        awaitTheEnd();
                    }
                }
            };
        }

        private static void awaitTheEnd() {
            try {
                assertThat(new CountDownLatch(1).await(60, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private TrainingJob.Ended train(Path output, String... more) {
        List<String> args =
                new ArrayList<>(List.of("train", "--config", job.toString(), "--output", output.toString()));
        for (String override : List.of(
                "training.num_train_epochs=3",
                "training.learning_rate=0.01",
                "execution.exchange=peer",
                "execution.max_failures=3")) {
            args.addAll(List.of("--set", override));
        }
        args.addAll(List.of(more));
        return TrainingJob.run("local[2]", args.toArray(String[]::new));
    }

    private static void assertSameRun(Path run, Path wanted) {
        assertThat(run.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(wanted.resolve("adapter/adapter_model.safetensors"));
        assertThat(TrainingJob.events(run, "step").stream()
                        .map(step -> step.get("step").asInt()))
                .containsExactlyElementsOf(IntStream.range(0, STEPS).boxed().toList());
        assertThat(TrainingJob.status(run)).isEqualTo(TrainingJob.status(wanted));
    }

    @Test
    void killedTasksChangeNoBitAndTooManyEndTheRunUntilItIsResumed() {
        Path undisturbed = folder.resolve("undisturbed");
        assertThat(train(undisturbed).code()).isZero();

        Path killed = folder.resolve("killed");
        Killer.order(1, 2);
        TrainingJob.Ended ended = train(killed);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertSameRun(killed, undisturbed);
        assertThat(TrainingJob.events(killed, "failure"))
                .extracting(e -> e.get("message").asText())
                .containsExactly("TaskKilled (preempted)", "TaskKilled (preempted)");
        assertThat(TrainingJob.events(killed, "recovered")).hasSize(1);

        Path over = folder.resolve("over");
        Killer.order(1, 3);
        TrainingJob.Ended gaveUp = train(over);
        assertThat(gaveUp.code()).isEqualTo(6);
        List<String> errors = gaveUp.err()
                .lines()
                .filter(line -> line.startsWith("spark-lora: "))
                .toList();
        assertThat(errors).hasSize(1);
        assertThat(errors.get(0))
                .contains("3 times in a row", "step 3 of epoch 1", "TaskKilled (preempted)", "--resume")
                .endsWith("[cluster.failed]");
        JsonNode status = TrainingJob.status(over);
        assertThat(status.get("state").asText()).isEqualTo("failed");
        assertThat(status.get("exit_code").asInt()).isEqualTo(6);
        assertThat("spark-lora: " + status.get("message").asText()).isEqualTo(errors.get(0));

        TrainingJob.Ended resumed = train(over, "--resume");
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(resumed.err()).contains("checkpoints/epoch-00001", "3 steps");
        assertSameRun(over, undisturbed);
        assertThat(TrainingJob.events(over, "failure")).hasSize(3);
    }

    /** It gives up in the first step after a group moved: the checkpoint is that of the step before. */
    @Test
    void aRunThatGivesUpWithinAnEpochRepeatsNoStep() {
        String[] moves = {"--set", "schedule.events=[{epoch: 1, step: 2, freeze: [top]}]"};
        Path undisturbed = folder.resolve("undisturbed");
        assertThat(train(undisturbed, moves).code()).isZero();

        Path over = folder.resolve("over");
        Killer.order(2, 3);
        TrainingJob.Ended gaveUp = train(over, moves);
        assertThat(gaveUp.code()).as(gaveUp.err()).isEqualTo(6);
        List<JsonNode> steps = TrainingJob.events(over, "step");
        assertThat(steps).hasSize(5);

        TrainingJob.Ended resumed = train(over, "--resume", moves[0], moves[1]);
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(resumed.err()).contains("checkpoints/epoch-00001-step-00000005");
        assertSameRun(over, undisturbed);
        assertThat(TrainingJob.events(over, "step").subList(0, 5))
                .as("with the time at which they were done")
                .isEqualTo(steps);
        assertThat(TrainingJob.events(over, "freeze")).hasSize(1);
        assertThat(TrainingJob.events(over, "failure")).hasSize(3);
    }

    @Test
    void afterAValidationThatFailedForGoodOnlyTheValidationIsDoneAgain() {
        String[] validated = {"--set", "data.validation={path: " + folder.resolve("train.csv") + "}"};
        Path undisturbed = folder.resolve("undisturbed");
        assertThat(train(undisturbed, validated).code()).isZero();

        Path over = folder.resolve("over");
        Killer.orderValidations(3);
        TrainingJob.Ended gaveUp = train(over, validated);
        assertThat(gaveUp.code()).as(gaveUp.err()).isEqualTo(6);
        assertThat(gaveUp.err()).contains("[cluster.failed]");
        List<JsonNode> steps = TrainingJob.events(over, "step");
        assertThat(steps).hasSize(3);

        TrainingJob.Ended resumed = train(over, "--resume", validated[0], validated[1]);
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(resumed.err()).contains("checkpoints/epoch-00000-step-00000003");
        assertSameRun(over, undisturbed);
        assertThat(TrainingJob.events(over, "step").subList(0, 3))
                .as("with the time at which they were done")
                .isEqualTo(steps);
        for (String key : List.of("train_loss", "validation", "padding")) {
            assertThat(values(over, key)).as(key).isEqualTo(values(undisturbed, key));
        }
        assertThat(over.resolve("checkpoints").toFile().list())
                .containsExactlyInAnyOrder("epoch-00001", "epoch-00002", "epoch-00003");
    }

    private static List<JsonNode> values(Path run, String key) {
        return TrainingJob.events(run, "epoch_end").stream()
                .map(end -> end.path(key))
                .toList();
    }
}
