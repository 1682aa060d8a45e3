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

        /** Spares so many segments, then kills a task of each of so many. */
        static void order(int spared, int killed) {
            SPARED.set(spared);
            LEFT.set(killed);
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
                        die(task);
                    }
                }
            };
        }

        private static void die(TaskContext task) {
            SparkContext.getOrCreate().killTaskAttempt(task.taskAttemptId(), true, "preempted");
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
}
