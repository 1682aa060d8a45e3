package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.Success$;
import org.apache.spark.TaskEndReason;
import org.apache.spark.executor.ExecutorMetrics;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.scheduler.TaskLocality;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.run.loop.LostExecutor;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;
import scala.Option;

/** Events as Spark reports them when executors go; the cluster tests kill real ones. */
class LostExecutorsTest {

    private static SparkSession session;

    private final List<LostExecutor> reported = new ArrayList<>();
    private LostExecutors executors;

    @BeforeAll
    static void open() {
        session = SparkSession.builder()
                .master("local[1]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
    }

    @AfterAll
    static void close() {
        session.stop();
    }

    @BeforeEach
    void watch() {
        executors = LostExecutors.watch(session.sparkContext());
    }

    private static TaskInfo task(long id, String executor, long launchTime) {
        return new TaskInfo(id, 0, 0, 0, launchTime, executor, "host-" + executor, TaskLocality.ANY(), false);
    }

    private void start(TaskInfo task) {
        executors.onTaskStart(new SparkListenerTaskStart(0, 0, task));
    }

    private void end(TaskInfo task, TaskEndReason reason) {
        executors.onTaskEnd(
                new SparkListenerTaskEnd(0, 0, "ResultTask", reason, task, new ExecutorMetrics(), TaskMetrics.empty()));
    }

    private void remove(String executor, long time, String reason) {
        executors.onExecutorRemoved(new SparkListenerExecutorRemoved(time, executor, reason));
    }

    private List<LostExecutor> report() {
        reported.clear();
        executors.report(new RunListener() {
            @Override
            public void executorLost(LostExecutor lost) {
                reported.add(lost);
            }
        });
        return reported;
    }

    @Test
    void theTimeOfTheTasksThatRanIsLostWithTheExecutor() {
        TaskInfo done = task(1, "3", 1_000);
        TaskInfo first = task(2, "3", 10_000);
        TaskInfo second = task(3, "3", 11_500);
        TaskInfo elsewhere = task(4, "4", 5_000);
        List.of(done, first, second, elsewhere).forEach(this::start);
        end(done, Success$.MODULE$);
        // Spark's scheduler and its cluster backend report independently: before the executor, or after it.
        end(first, new ExecutorLostFailure("3", true, Option.apply("code 137")));
        remove("3", 12_000, "Command exited with code 137\n");
        end(second, new ExecutorLostFailure("3", true, Option.apply("code 137")));
        assertThat(report())
                .containsExactly(
                        new LostExecutor(RunPhase.READING, "3", "host-3", "Command exited with code 137", 2.5));
        assertThat(report()).as("once").isEmpty();
    }

    @Test
    void thePhaseIsTheOneInWhichItWasLost() {
        remove("1", 1, "preempted");
        executors.enter(RunPhase.VALIDATION);
        remove("2", 2, "preempted");
        assertThat(report()).extracting(LostExecutor::phase).containsExactly(RunPhase.READING, RunPhase.VALIDATION);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Executor killed by driver.", "Executor decommission: spark scale down"})
    void anIdleExecutorThatSparkGivesBackIsNotLost(String reason) {
        remove("1", 1, reason);
        assertThat(report()).isEmpty();
        start(task(1, "2", 1_000));
        remove("2", 2_000, reason);
        assertThat(report()).as("it was not idle").hasSize(1);
    }
}
