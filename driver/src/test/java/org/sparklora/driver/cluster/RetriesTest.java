package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.apache.spark.HashPartitioner;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.shuffle.MetadataFetchFailedException;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.cluster.RankAgreement.Claim;
import org.sparklora.driver.cluster.Retries.Attempt;
import org.sparklora.driver.cluster.Retries.RunStep;
import org.sparklora.driver.run.loop.CancelledException;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.driver.run.loop.LostExecutor;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.spark.CacheStorageException;
import org.sparklora.worker.train.DivergedException;
import scala.collection.JavaConverters;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;

/** Against a real Spark, whose exceptions and events decide what is done again. */
class RetriesTest {

    private static final int MAX_FAILURES = 3;
    private static final RunStep AT = new RunStep(RunPhase.CACHING, 1, 12);

    private SparkSession session;
    private JavaSparkContext spark;
    private Retries retries;
    private final List<String> told = new ArrayList<>();
    private int attempts;

    private final RunListener listener = new RunListener() {
        @Override
        public void failed(int epoch, long step, int attempt, String message) {
            told.add("failure " + attempt + " at " + epoch + "/" + step + ": " + message);
        }

        @Override
        public void executorLost(LostExecutor lost) {
            told.add(lost.toString());
        }

        @Override
        public void recovered(int epoch, long step, int ranks) {
            told.add("recovered at " + epoch + "/" + step + " with " + ranks);
        }
    };

    @BeforeEach
    void open() {
        session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures", "1")
                .config("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s")
                .getOrCreate();
        spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        retries = new Retries(
                spark,
                RankCount.of(
                        spark, 8, new SparkEpochRunner.Patience(Duration.ofMinutes(10), OptionalInt.empty()), listener),
                MAX_FAILURES,
                listener,
                LostExecutors.watch(spark.sc()));
        Rank.WAITING.drainPermits();
    }

    @AfterEach
    void close() {
        session.stop();
    }

    /** What the tasks of the barrier stages below do. */
    enum Deed {
        ANSWER,
        THROW,
        IS_WRONG,
        MODEL_IS_BAD,
        FETCH_FAILS,
        NO_ROOM,
        /** Until it is killed. */
        WAIT
    }

    /** Two ranks, each with one row from a shuffle; both answer with it, unless they do something else. */
    private List<Integer> barrier(Deed deedOfZero, Deed deedOfOne) {
        ClassTag<Integer> type = ClassTag$.MODULE$.apply(Integer.class);
        Object answers = spark.parallelize(List.of(0, 1), 2)
                .keyBy(i -> i)
                .partitionBy(new HashPartitioner(2))
                .values()
                .rdd()
                .barrier()
                .mapPartitions(new Rank(List.of(deedOfZero, deedOfOne)), false, type)
                .collect();
        return List.of((Integer[]) answers);
    }

    private static final class Rank
            extends AbstractFunction1<scala.collection.Iterator<Integer>, scala.collection.Iterator<Integer>>
            implements java.io.Serializable {

        private static final long serialVersionUID = 1L;

        private static final AtomicInteger INTERRUPTED = new AtomicInteger();
        private static final Semaphore WAITING = new Semaphore(0);

        private final List<Deed> deeds;

        Rank(List<Deed> deeds) {
            this.deeds = deeds;
        }

        @Override
        public scala.collection.Iterator<Integer> apply(scala.collection.Iterator<Integer> rows) {
            // Asking is what notices that the task was killed before it had a thread to interrupt.
            assertThat(rows.hasNext()).isTrue();
            int rank = rows.next();
            act(deeds.get(rank));
            return JavaConverters.asScalaIteratorConverter(List.of(rank).iterator())
                    .asScala();
        }

        private static void act(Deed deed) {
            switch (deed) {
                case THROW -> sneak(new IOException("rank 1 tripped"));
                case IS_WRONG -> throw new IllegalStateException("rank 1 is wrong");
                case MODEL_IS_BAD ->
                    throw new ModelException("model.directory", "/models/bert has no model.safetensors");
                case NO_ROOM -> throw new CacheStorageException("no room for 8 bytes", new IOException("full"));
                case FETCH_FAILS -> sneak(new MetadataFetchFailedException(0, 1, "rows are lost"));
                case WAIT -> waitToBeKilled();
                default -> {}
            }
        }

        /** Returns once a rank waits to be killed. */
        static boolean waits() {
            try {
                return WAITING.tryAcquire(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        /** Asks as well, for whatever the interrupt met first may have swallowed it. */
        private static void waitToBeKilled() {
            CountDownLatch never = new CountDownLatch(1);
            WAITING.release();
            try {
                for (int twentieth = 0; twentieth < 20 * 60; twentieth++) {
                    if (TaskContext.get().isInterrupted()) {
                        throw new InterruptedException("asked");
                    }
                    assertThat(never.await(50, TimeUnit.MILLISECONDS)).isFalse();
                }
                fail("nobody killed the task within a minute");
            } catch (InterruptedException e) {
                INTERRUPTED.incrementAndGet();
                throw new IllegalStateException("interrupted", e);
            }
        }

        /** Spark's own exceptions are checked, and its functions declare none. */
        @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
        private static <E extends Exception> void sneak(Exception e) throws E {
            throw (E) e;
        }
    }

    /** Rank 1 does these one after the other, an attempt each. */
    private Attempt<List<Integer>> deeds(Deed... deeds) {
        return (ranks, failures) -> {
            assertThat(failures).isEqualTo(attempts);
            return barrier(Deed.ANSWER, deeds[attempts++]);
        };
    }

    /** When rank 1 of the first attempt waits: in its stage 1, after the shuffle's stage 0. */
    private void whenOneWaits(BiConsumer<SparkContext, SparkListenerTaskStart> act) {
        spark.sc().addSparkListener(new SparkListener() {
            @Override
            public void onTaskStart(SparkListenerTaskStart start) {
                if (start.stageId() == 1 && start.taskInfo().index() == 1) {
                    // Spark tells of tasks before executors have them, and does not kill what it does not have yet.
                    ForkJoinPool.commonPool().execute(() -> {
                        if (Rank.waits()) {
                            act.accept(spark.sc(), start);
                        }
                    });
                }
            }
        });
    }

    @Test
    void whatFailsIsDoneAgain() {
        assertThat(retries.run(AT, deeds(Deed.THROW, Deed.THROW, Deed.ANSWER))).containsExactly(0, 1);
        assertThat(told)
                .containsExactly(
                        "failure 1 at 1/12: java.io.IOException: rank 1 tripped",
                        "failure 2 at 1/12: java.io.IOException: rank 1 tripped",
                        "recovered at 1/12 with 2");
    }

    @Test
    void aStageThatLacksSlotsIsKnownByItsException() {
        ClassTag<Integer> type = ClassTag$.MODULE$.apply(Integer.class);
        Throwable refused = catchThrowable(() -> spark.parallelize(List.of(0, 1, 2), 3)
                .rdd()
                .barrier()
                .mapPartitions(new Rank(List.of(Deed.ANSWER, Deed.ANSWER, Deed.ANSWER)), false, type)
                .collect());
        assertThat(Failures.lacksSlots(refused)).as("%s", refused).isTrue();
        assertThat(Failures.lacksSlots(new SparkException("ExecutorLostFailure")))
                .isFalse();
    }

    @Test
    void aFullDiskIsTheClustersEnd() {
        assertThatThrownBy(() -> retries.run(AT, deeds(Deed.NO_ROOM, Deed.ANSWER)))
                .isInstanceOf(ClusterException.class)
                .hasMessage("no room for 8 bytes [cluster.disk]");
        assertThat(attempts).isEqualTo(1);
    }

    @Test
    void anExecutorThatIsLostIsReportedBeforeTheNextAttempt() {
        whenOneWaits((context, start) -> {
            context.listenerBus().post(new SparkListenerExecutorRemoved(1, "7", "the host is gone"));
            context.killTaskAttempt(start.taskInfo().taskId(), true, "preempted");
        });
        assertThat(retries.run(AT, deeds(Deed.WAIT, Deed.ANSWER))).containsExactly(0, 1);
        assertThat(told)
                .containsExactly(
                        "failure 1 at 1/12: TaskKilled (preempted)",
                        new LostExecutor(RunPhase.CACHING, "7", "unknown", "the host is gone", 0).toString(),
                        "recovered at 1/12 with 2");
    }

    @Test
    void failuresInARowAreCountedForEachJob() {
        retries.run(AT, deeds(Deed.THROW, Deed.THROW, Deed.ANSWER));
        attempts = 0;
        retries.run(AT, deeds(Deed.THROW, Deed.THROW, Deed.ANSWER));
        assertThat(told).hasSize(6);
    }

    @Test
    void tooManyFailuresInARowEndTheRun() {
        assertThatThrownBy(() -> retries.run(AT, deeds(Deed.THROW, Deed.THROW, Deed.THROW, Deed.ANSWER)))
                .isInstanceOf(ClusterException.class)
                .hasMessageContainingAll(
                        "3 times in a row", "step 12 of epoch 1", "rank 1 tripped", "--resume", "[cluster.failed]");
        assertThat(attempts).isEqualTo(MAX_FAILURES);
        assertThat(told).hasSize(MAX_FAILURES);
    }

    @Test
    void wrongInputIsNotLookedAtTwice() {
        Throwable thrown = catchThrowable(() -> retries.run(AT, deeds(Deed.MODEL_IS_BAD, Deed.ANSWER)));
        assertThat(thrown).isInstanceOf(SparkException.class);
        assertThat(QuotedException.in(String.valueOf(thrown.getMessage())))
                .first()
                .isEqualTo(new QuotedException(
                        ModelException.class.getName(), "/models/bert has no model.safetensors [model.directory]"));
        assertThat(attempts).isEqualTo(1);
        assertThat(told).isEmpty();
    }

    @Test
    void norIsItWhereTheExceptionItselfTravelled() {
        Throwable thrown = catchThrowable(() -> retries.run(AT, (ranks, failures) -> {
            attempts++;
            return spark.parallelize(List.of(1))
                    .map(i -> {
                        throw new ModelException("model.directory", "/models/bert has no model.safetensors");
                    })
                    .collect();
        }));
        assertThat(thrown).isInstanceOf(SparkException.class).hasCauseInstanceOf(ModelException.class);
        assertThat(attempts).isEqualTo(1);
    }

    @Test
    void anExceptionOfOurOwnCodeIsTriedOnceMore() {
        assertThat(retries.run(AT, deeds(Deed.IS_WRONG, Deed.ANSWER))).containsExactly(0, 1);
        attempts = 0;
        assertThatThrownBy(() -> retries.run(AT, deeds(Deed.IS_WRONG, Deed.IS_WRONG)))
                .hasMessageContainingAll("step 12 of epoch 1", "rank 1 is wrong", "[internal.task]");
        assertThat(attempts).isEqualTo(2);
    }

    @Test
    void numbersThatAreNotFiniteAndRanksThatDisagreeEndTheRun() {
        for (RuntimeException end : List.of(
                new DivergedException("diverged.loss", "loss is NaN"),
                catchMismatch(List.of(claim(0, "aa"), claim(1, "bb"))))) {
            attempts = 0;
            assertThatThrownBy(() -> retries.run(AT, (ranks, failures) -> {
                        attempts++;
                        throw end;
                    }))
                    .isSameAs(end);
            assertThat(attempts).isEqualTo(1);
        }
        assertThat(told).isEmpty();
    }

    private static Claim claim(int rank, String digest) {
        return new Claim(rank, "host:1", new TreeMap<>(java.util.Map.of("top", digest)));
    }

    private static RankMismatchException catchMismatch(List<Claim> claims) {
        return (RankMismatchException) catchThrowable(() -> RankAgreement.require(claims, 0));
    }

    @Test
    void aTaskThatTheSchedulerKillsIsDoneAgain() {
        whenOneWaits(
                (context, start) -> context.killTaskAttempt(start.taskInfo().taskId(), true, "preempted"));
        assertThat(retries.run(AT, deeds(Deed.WAIT, Deed.ANSWER))).containsExactly(0, 1);
        assertThat(told).containsExactly("failure 1 at 1/12: TaskKilled (preempted)", "recovered at 1/12 with 2");
    }

    /** Spark says nothing to the rank that waits, which would keep its slot: there are only two. */
    @Test
    void aRankThatWaitsForOneWhoseRowsAreLostGivesItsSlotBack() {
        int before = Rank.INTERRUPTED.get();
        List<Integer> answers = retries.run(
                AT,
                (ranks, failures) ->
                        failures == 0 ? barrier(Deed.WAIT, Deed.FETCH_FAILS) : barrier(Deed.ANSWER, Deed.ANSWER));
        assertThat(answers).containsExactly(0, 1);
        assertThat(told)
                .containsExactly(
                        "failure 1 at 1/12: org.apache.spark.shuffle.MetadataFetchFailedException: rows are lost",
                        "recovered at 1/12 with 2");
        assertThat(Rank.INTERRUPTED.get()).as("interrupted while it waited").isEqualTo(before + 1);
    }

    private static final CountDownLatch STARTED = new CountDownLatch(1);
    private static final CountDownLatch RELEASED = new CountDownLatch(1);
    private static final AtomicInteger STARTS = new AtomicInteger();

    /** Runs of one session are at the same step as often as not: two fits of a CrossValidator, say. */
    @Test
    void whatAFailedAttemptLeavesIsItsOwnNotAnotherRuns() throws Exception {
        Retries other = new Retries(
                spark,
                RankCount.of(
                        spark, 8, new SparkEpochRunner.Patience(Duration.ofMinutes(10), OptionalInt.empty()), listener),
                MAX_FAILURES,
                listener,
                LostExecutors.watch(spark.sc()));
        CompletableFuture<List<Integer>> beside = CompletableFuture.supplyAsync(() -> other.run(
                AT,
                (ranks, failures) -> spark.parallelize(List.of(7), 1)
                        .map(row -> {
                            // A task that is killed begins again, without a word to whoever waits for its job.
                            STARTS.incrementAndGet();
                            STARTED.countDown();
                            assertThat(RELEASED.await(1, TimeUnit.MINUTES)).isTrue();
                            return row;
                        })
                        .collect()));
        assertThat(STARTED.await(1, TimeUnit.MINUTES)).isTrue();
        List<Integer> answers = retries.run(
                AT,
                (ranks, failures) -> spark.parallelize(List.of(failures), 1)
                        .map(failed -> {
                            if (failed == 0) {
                                throw new IOException("tripped");
                            }
                            return failed;
                        })
                        .collect());
        assertThat(answers).containsExactly(1);
        RELEASED.countDown();
        assertThat(beside.get(1, TimeUnit.MINUTES)).containsExactly(7);
        assertThat(STARTS).hasValue(1);
        assertThat(told).hasSize(2);
    }

    @Test
    void aCancelledStageIsDoneAgain() {
        whenOneWaits((context, start) -> context.cancelStage(start.stageId()));
        assertThat(retries.run(AT, deeds(Deed.WAIT, Deed.ANSWER))).containsExactly(0, 1);
        assertThat(told).hasSize(2).first().asString().contains("Job 0 cancelled because Stage 1 was cancelled");
    }

    @Test
    void aPersonWhoCancelsIsObeyed() {
        whenOneWaits((context, start) -> context.cancelAllJobs());
        assertCancelled("Job 0 cancelled as part of cancellation of all jobs");
    }

    @Test
    void soIsOneWhoKillsAStageInSparksWebPage() {
        // What the page's link calls.
        whenOneWaits((context, start) -> context.cancelStage(start.stageId(), "killed via the Web UI"));
        assertCancelled("Job 0 cancelled because killed via the Web UI");
    }

    private void assertCancelled(String reason) {
        assertThatThrownBy(() -> retries.run(AT, deeds(Deed.WAIT, Deed.ANSWER)))
                .isInstanceOf(CancelledException.class)
                .hasMessageContainingAll("step 12 of epoch 1", reason, "--resume", "[cancelled.jobs]");
        assertThat(attempts).isEqualTo(1);
        assertThat(told).isEmpty();
    }

    @Test
    void aStoppedSparkIsNotTriedAgain() {
        assertThatThrownBy(() -> retries.run(AT, (ranks, failures) -> {
                    attempts++;
                    spark.stop();
                    return barrier(Deed.ANSWER, Deed.ANSWER);
                }))
                .isInstanceOf(ClusterException.class)
                .hasMessageContainingAll("step 12 of epoch 1", "[cluster.stopped]");
        assertThat(attempts).isEqualTo(1);
        assertThat(told).isEmpty();
    }

    @Test
    void anInterruptedThreadStaysInterrupted() {
        whenOneWaits((context, start) -> testThread.interrupt());
        assertThatThrownBy(() -> retries.run(AT, deeds(Deed.WAIT, Deed.ANSWER))).isInstanceOf(CancelledException.class);
        assertThat(Thread.interrupted()).isTrue();
    }

    private final Thread testThread = Thread.currentThread();
}
