package org.sparklora.driver.cluster;

import java.util.UUID;
import org.apache.spark.SparkJobInfo;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.JavaSparkStatusTracker;
import org.sparklora.driver.run.loop.CancelledException;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.driver.run.loop.FailureListener;
import org.sparklora.worker.train.DivergedException;

/**
 * Does a piece of work again when the cluster failed it: a lost executor, a lost or killed task, a silent rank. What doing
 * it again cannot mend ends the run at once: wrong input, numbers that are not finite, ranks that disagree, a person who
 * cancels.
 */
final class Retries {

    private static final String AGAIN = ". Run again with --resume when it is well";

    private final JavaSparkContext spark;
    private final int shards;
    private final int maxFailures;
    private final FailureListener listener;

    /** Begins the names of this run's job groups: another run of the session may be at the same step. */
    private final String run = "spark-lora " + UUID.randomUUID() + " ";

    /** Where in the run the work is: epoch, and global step that it begins with. */
    record Place(int epoch, long step) {}

    /** Does the work once. */
    @FunctionalInterface
    interface Attempt<T> {

        /**
         * @param ranks tasks that can run at once now and have something to do
         * @param failures how often it has failed so far
         */
        T run(int ranks, int failures);
    }

    /**
     * @param shards of the run: more tasks have nothing to do
     * @param maxFailures in a row, of one piece of work
     */
    Retries(JavaSparkContext spark, int shards, int maxFailures, FailureListener listener) {
        this.spark = spark;
        this.shards = shards;
        this.maxFailures = maxFailures;
        this.listener = listener;
    }

    /**
     * Runs attempts until one succeeds.
     *
     * @throws ClusterException when too many failed in a row
     * @throws CancelledException when the job was cancelled
     */
    <T> T run(Place at, Attempt<T> attempt) {
        for (int failures = 0; ; ) {
            String what = where(at) + ", attempt " + (failures + 1);
            String group = run + what;
            // With interruption: tasks that a failed job leaves must not keep the slots that the next attempt needs.
            spark.sc().setJobGroup(group, "spark-lora " + what, true);
            try {
                int ranks = TaskSlots.ranks(spark, shards);
                T result = attempt.run(ranks, failures);
                if (failures > 0) {
                    listener.recovered(at.epoch(), at.step(), ranks);
                }
                return result;
            } catch (DivergedException | RankMismatchException e) {
                throw e;
            } catch (Exception e) {
                // Exception, because Spark throws checked ones that no signature names.
                if (Failures.isFinal(e)) {
                    throw e;
                }
                refuseToGoOn(at, e);
                failures++;
                failed(at, failures, e);
                killLeftovers(group);
            }
        }
    }

    private void refuseToGoOn(Place at, Exception e) {
        if (e instanceof InterruptedException) {
            Thread.currentThread().interrupt();
        }
        if (spark.sc().isStopped()) {
            throw new ClusterException("Spark was stopped " + where(at) + ": " + Failures.summary(e) + AGAIN, e);
        }
        if (Failures.isCancellation(e)) {
            throw new CancelledException(
                    "cancelled " + where(at) + ": " + Failures.summary(e) + ". Run again with --resume to go on", e);
        }
    }

    private void failed(Place at, int failures, Exception e) {
        String why = Failures.summary(e);
        listener.failed(at.epoch(), at.step(), failures, why);
        if (failures >= maxFailures) {
            throw new ClusterException(
                    "the cluster failed " + failures + " times in a row " + where(at) + ", the last time because: "
                            + why + AGAIN,
                    e);
        }
    }

    /**
     * Ends what still runs of a failed attempt. Where a barrier task cannot fetch its rows, Spark fails the job without a
     * word to the others of the stage, which wait for that task and keep their slots.
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

    private static String where(Place at) {
        return "at step " + at.step() + " of epoch " + at.epoch();
    }
}
