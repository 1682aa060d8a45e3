package org.sparklora.driver.cluster;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.cluster.Retries.RunStep;
import org.sparklora.driver.cluster.SparkEpochRunner.Patience;
import org.sparklora.driver.run.loop.CancelledException;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.driver.run.loop.RunListener;

/**
 * Decides how many ranks the next job has. If fewer than half of the ranks of the last job have a slot, or fewer executors are
 * there than the job asks for, it waits outside any job. After the timeout the run continues with the slots that are there; without any it ends.
 *
 * <p>Local masters never wait. With dynamic allocation, Spark asks for executors only while tasks wait, so there the job itself
 * waits. More ranks are used once the second count in a row has found them, because each change moves cached activations.
 */
final class RankCount {

    private final Cluster cluster;
    private final int shards;
    private final Patience patience;
    private final RunListener listener;

    /** Ranks of the last job that succeeded; 0 before the first. */
    private int reference;

    /** What the last count found, if that was more than the reference. */
    private int more;

    /** The slots with which a wait ended without success: it is not repeated for them. */
    private int accepted = Integer.MAX_VALUE;

    private long refusedSince = Long.MAX_VALUE;

    /** What the count depends on. */
    interface Cluster {

        /** Number of tasks that can run at once now. */
        int slots();

        /** Number of tasks that so many executors can run at once, as far as settings say. */
        int slotsOf(int executors);

        /** Whether slots come back without a job that asks for them. */
        boolean isAwaited();

        /** Milliseconds of a clock that never goes back. */
        long millis();

        /** Waits a moment before the next count; false if the thread was interrupted. */
        boolean pause();
    }

    /**
     * Creates the count of a run.
     *
     * @param shards the largest useful number of ranks
     */
    RankCount(Cluster cluster, int shards, Patience patience, RunListener listener) {
        this.cluster = cluster;
        this.shards = shards;
        this.patience = patience;
        this.listener = listener;
    }

    /** Counts the slots of Spark's executors. */
    static RankCount of(JavaSparkContext spark, int shards, Patience patience, RunListener listener) {
        return new RankCount(new SparkCluster(spark), shards, patience, listener);
    }

    /**
     * The number of ranks for a job that starts now.
     *
     * @throws ClusterException if no executor came within the timeout
     */
    int next(RunStep at) {
        int slots = cluster.isAwaited() ? await(at) : cluster.slots();
        int now = Math.max(1, Math.min(shards, slots));
        if (reference == 0 || now <= reference || !cluster.isAwaited()) {
            more = 0;
            return now;
        }
        int twice = Math.min(more, now);
        more = now;
        return Math.max(reference, twice);
    }

    /** A job with so many ranks succeeded. */
    void succeeded(int ranks) {
        reference = ranks;
        refusedSince = Long.MAX_VALUE;
    }

    /** Whether the run itself waits for executors, outside any job. */
    boolean isAwaited() {
        return cluster.isAwaited();
    }

    /** Number of tasks that can run at once now. */
    int slots() {
        return cluster.slots();
    }

    /** Whether a job that Spark refused for lack of slots may be counted again, instead of being a failure. */
    boolean maySubmitAgain() {
        refusedSince = Math.min(refusedSince, cluster.millis());
        return cluster.isAwaited()
                && cluster.millis() - refusedSince < patience.timeout().toMillis();
    }

    private int await(RunStep at) {
        int minimum = patience.minExecutors().isPresent()
                ? cluster.slotsOf(patience.minExecutors().getAsInt())
                : (reference + 1) / 2;
        int wanted = Math.max(1, Math.min(minimum, accepted));
        int slots = cluster.slots();
        if (slots < wanted) {
            listener.waits(at.epoch(), at.step(), slots, wanted);
            long began = cluster.millis();
            slots = await(at, wanted);
            listener.waited(at.epoch(), at.step(), slots, wanted, (cluster.millis() - began) / 1000.0);
            if (slots < wanted) {
                reference = slots;
            }
        }
        accepted = slots < minimum ? slots : Integer.MAX_VALUE;
        return slots;
    }

    /** Waits for slots until the timeout, and returns how many there are then. */
    private int await(RunStep at, int wanted) {
        long end = cluster.millis() + patience.timeout().toMillis();
        int slots = cluster.slots();
        while (slots < wanted && cluster.millis() < end) {
            if (!cluster.pause()) {
                throw new CancelledException(
                        "cancelled " + at + ", while waiting for executors. Run again with --resume to continue", null);
            }
            slots = cluster.slots();
        }
        if (slots == 0) {
            throw new ClusterException(
                    "cluster.executors.timeout",
                    "no executor was there " + at + " for " + patience.timeout().toSeconds()
                            + " s (execution.executor_timeout). Run again with --resume once the cluster has executors",
                    null);
        }
        return slots;
    }

    /** The executors of a Spark application. */
    private record SparkCluster(JavaSparkContext spark) implements Cluster {

        private static final Duration PAUSE = Duration.ofSeconds(1);

        @Override
        public int slots() {
            // The job will say that Spark was stopped.
            return spark.sc().isStopped() ? 1 : TaskSlots.available(spark);
        }

        @Override
        public int slotsOf(int executors) {
            return executors * TaskSlots.perExecutor(spark).orElse(1);
        }

        @Override
        public boolean isAwaited() {
            return !spark.isLocal() && !spark.sc().isStopped() && !TaskSlots.areDynamic(spark.getConf());
        }

        @Override
        public long millis() {
            return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
        }

        @Override
        public boolean pause() {
            LockSupport.parkNanos(PAUSE.toNanos());
            return !Thread.currentThread().isInterrupted();
        }
    }
}
