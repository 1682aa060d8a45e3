package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Replays the events of real jobs, and between them the loss of executors. */
class StarvedJobsTest {

    private static final String GROUP = "group";
    private static final List<Object> BARRIER = new ArrayList<>();
    private static final List<Object> ORDINARY = new ArrayList<>();

    private final List<String> cancelled = new ArrayList<>();
    private int slots = 2;
    private final StarvedJobs jobs = new StarvedJobs(() -> slots, cancelled::add);

    /** Runs a barrier stage of two tasks and an ordinary one, and records what Spark tells its listeners. */
    @BeforeAll
    static void record() throws Exception {
        SparkSession session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
        try {
            JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
            JavaRDD<Integer> rows = spark.parallelize(List.of(1, 2), 2);
            record(
                    spark,
                    BARRIER,
                    () -> rows.rdd()
                            .barrier()
                            .mapPartitions(new PassOn(), false, rows.classTag())
                            .count());
            record(spark, ORDINARY, rows::count);
        } finally {
            session.stop();
        }
    }

    private static final class PassOn
            extends scala.runtime.AbstractFunction1<
                    scala.collection.Iterator<Integer>, scala.collection.Iterator<Integer>>
            implements java.io.Serializable {

        private static final long serialVersionUID = 1L;

        @Override
        public scala.collection.Iterator<Integer> apply(scala.collection.Iterator<Integer> rows) {
            return rows;
        }
    }

    private static void record(JavaSparkContext spark, List<Object> events, Runnable job) throws Exception {
        SparkListener recorder = new SparkListener() {
            @Override
            public void onStageSubmitted(SparkListenerStageSubmitted stage) {
                events.add(stage);
            }

            @Override
            public void onTaskStart(SparkListenerTaskStart task) {
                events.add(task);
            }

            @Override
            public void onStageCompleted(SparkListenerStageCompleted stage) {
                events.add(stage);
            }
        };
        spark.sc().addSparkListener(recorder);
        spark.setJobGroup(GROUP, "");
        job.run();
        spark.sc().listenerBus().waitUntilEmpty();
        spark.sc().removeSparkListener(recorder);
    }

    /** Submission, two starts and completion. */
    private void replay(List<Object> events, int from, int to) {
        assertThat(events).hasSize(4);
        IntStream.range(from, to).forEach(i -> {
            if (events.get(i) instanceof SparkListenerStageSubmitted stage) {
                jobs.onStageSubmitted(stage);
            } else if (events.get(i) instanceof SparkListenerTaskStart task) {
                jobs.onTaskStart(task);
            } else {
                jobs.onStageCompleted((SparkListenerStageCompleted) events.get(i));
            }
        });
    }

    private void lose(int left) {
        slots = left;
        jobs.onExecutorRemoved(new SparkListenerExecutorRemoved(0, "1", "lost"));
    }

    @Test
    void aBarrierStageThatLacksOneSlotIsCancelledOnce() {
        jobs.begin(GROUP);
        replay(BARRIER, 0, 1);
        assertThat(jobs.isStarved()).isFalse();
        lose(1);
        lose(0);
        assertThat(cancelled).containsExactly(GROUP);
        assertThat(jobs.isStarved()).isTrue();
        jobs.begin(GROUP);
        assertThat(jobs.isStarved()).isFalse();
    }

    @Test
    void executorsThatWentBeforeTheStageWasReportedCount() {
        jobs.begin(GROUP);
        lose(1);
        assertThat(cancelled).isEmpty();
        replay(BARRIER, 0, 1);
        assertThat(cancelled).containsExactly(GROUP);
    }

    @Test
    void sparkItselfFailsABarrierStageWhoseTasksRun() {
        jobs.begin(GROUP);
        replay(BARRIER, 0, 2);
        lose(0);
        assertThat(cancelled).isEmpty();
    }

    @Test
    void anOrdinaryStageGoesOnWithOneSlot() {
        jobs.begin(GROUP);
        replay(ORDINARY, 0, 2);
        lose(1);
        assertThat(cancelled).isEmpty();
        lose(0);
        assertThat(cancelled).containsExactly(GROUP);
    }

    @Test
    void whatHasEndedOrBelongsToOthersIsLeftAlone() {
        jobs.begin(GROUP);
        replay(ORDINARY, 0, 4);
        lose(0);
        jobs.begin("another");
        replay(BARRIER, 0, 1);
        assertThat(cancelled).isEmpty();
    }
}
