package org.sparklora.driver.cluster;

import java.util.UUID;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.spark.SparkJobInfo;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.JavaSparkStatusTracker;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.run.loop.CancelledException;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.worker.spark.CacheStorageException;
import org.sparklora.worker.train.DivergedException;

/**
 * Repeats Spark jobs that failed because of the cluster: a lost executor, a lost or killed task, a silent rank. Failures that
 * a repetition cannot fix end the run at once: invalid input, numbers that are not finite, ranks that disagree, a cancelled
 * job. An exception of our own code ends the run if it comes a second time.
 */
final class Retries implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Retries.class);
    private static final String RESUME = ". Run again with --resume once the cluster is healthy";

    private final JavaSparkContext spark;
    private final RankCount count;
    private final int maxFailures;
    private final RunListener listener;
    private final LostExecutors lost;
    private final TaskFailures tasks;
    private final StarvedJobs starved;

    /** Prefix of this run's job groups. Another run of the same session may be at the same step. */
    private final String run = "spark-lora " + UUID.randomUUID() + " ";

    /** Epoch and global step at which a job begins, and its purpose. */
    record RunStep(RunPhase phase, int epoch, long step) {

        @Override
        public String toString() {
            return "at step " + step + " of epoch " + epoch;
        }
    }

    /** A Spark job that can be repeated. */
    @FunctionalInterface
    interface Attempt<T> {

        /**
         * Runs the job once.
         *
         * @param ranks tasks that can run at once now and have a shard
         * @param failures number of attempts that failed before
         */
        T run(int ranks, int failures);
    }

    /**
     * Creates the retries of one run.
     *
     * @param count the number of ranks of each attempt
     * @param maxFailures failures in a row, of one job, that end the run
     * @param lost reported to the listener before each attempt
     */
    Retries(JavaSparkContext spark, RankCount count, int maxFailures, RunListener listener, LostExecutors lost) {
        this.spark = spark;
        this.count = count;
        this.maxFailures = maxFailures;
        this.listener = listener;
        this.lost = lost;
        this.tasks = TaskFailures.watch(spark.sc());
        this.starved = new StarvedJobs(
                () -> count.isAwaited() ? count.slots() : Integer.MAX_VALUE, spark.sc()::cancelJobGroup);
        spark.sc().addSparkListener(starved);
    }

    RunListener listener() {
        return listener;
    }

    /**
     * Runs attempts until one succeeds.
     *
     * @throws ClusterException if too many attempts failed in a row
     * @throws CancelledException if the job was cancelled
     */
    <T> T run(RunStep at, Attempt<T> attempt) {
        int defects = 0;
        lost.enter(at.phase());
        for (int failures = 0; ; ) {
            String what = at + ", attempt " + (failures + 1);
            String group = run + what;
            lost.report(listener);
            tasks.begin(group);
            starved.begin(group);
            // Interrupts tasks that a failed job leaves behind: they would keep the slots that the next attempt needs.
            spark.sc().setJobGroup(group, "spark-lora " + what, true);
            try {
                int ranks = count.next(at);
                T result = attempt.run(ranks, failures);
                count.succeeded(ranks);
                if (failures > 0) {
                    listener.recovered(at.epoch(), at.step(), ranks);
                }
                return result;
            } catch (DivergedException | ClusterException | CancelledException e) {
                throw e;
            } catch (Exception e) {
                // Exception: Spark throws checked exceptions that no signature declares.
                Throwable cause = tasks.causeOf(e);
                if (Failures.isFinal(e) || Failures.isFinal(cause)) {
                    requireDiskSpace(cause, e);
                    throw e;
                }
                boolean lacksExecutors = starved.isStarved();
                requireRunning(at, e, lacksExecutors);
                if ((lacksExecutors || Failures.lacksSlots(e)) && count.maySubmitAgain()) {
                    continue;
                }
                defects += Failures.isDefect(cause) ? 1 : 0;
                if (defects > 1) {
                    throw defect(at, cause);
                }
                failures++;
                failed(at, failures, Failures.summary(cause), e);
                killLeftovers(group);
            }
        }
    }

    private void requireRunning(RunStep at, Exception e, boolean lacksExecutors) {
        if (e instanceof InterruptedException) {
            Thread.currentThread().interrupt();
        }
        if (spark.sc().isStopped()) {
            throw new ClusterException(
                    "cluster.stopped", "Spark was stopped " + at + ": " + Failures.summary(e) + RESUME, e);
        }
        if (Failures.isCancellation(e) && !lacksExecutors) {
            throw new CancelledException(
                    "cancelled " + at + ": " + Failures.summary(e) + ". Run again with --resume to continue", e);
        }
    }

    /** An executor that has no room for the cache ends the run as the cluster does: its steps are worth a checkpoint. */
    private static void requireDiskSpace(Throwable cause, Exception e) {
        CacheStorageException full = ExceptionUtils.throwableOfType(cause, CacheStorageException.class);
        if (full != null) {
            throw new ClusterException(full.code(), full.reason(), e);
        }
    }

    private static DefectException defect(RunStep at, Throwable e) {
        LOG.error("our code failed twice", e);
        return new DefectException(
                "internal error " + at + ", twice: " + Failures.summary(e)
                        + "; this is a defect of spark-lora: report the stack trace in the log",
                e);
    }

    private void failed(RunStep at, int failures, String why, Exception e) {
        listener.failed(at.epoch(), at.step(), failures, why);
        if (failures >= maxFailures) {
            throw new ClusterException(
                    "cluster.failed",
                    "the cluster failed " + failures + " times in a row " + at + ". Last failure: " + why + RESUME,
                    e);
        }
    }

    /**
     * Kills the tasks of a failed attempt that still run. If a barrier task cannot fetch its rows, Spark fails the job but does
     * not tell the other tasks of the stage, which wait for that task and keep their slots.
     */
    private void killLeftovers(String group) {
        JavaSparkStatusTracker tracker = spark.statusTracker();
        for (int job : tracker.getJobIdsForGroup(group)) {
            SparkJobInfo info = tracker.getJobInfo(job);
            for (int stage : info == null ? new int[0] : info.stageIds()) {
                spark.sc().taskScheduler().killAllTaskAttempts(stage, true, "the attempt failed");
            }
        }
    }

    /** Reports what the last attempt has lost. */
    @Override
    public void close() {
        tasks.close();
        spark.sc().removeSparkListener(starved);
        lost.report(listener);
    }
}
