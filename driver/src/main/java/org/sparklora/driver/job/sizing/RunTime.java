package org.sparklora.driver.job.sizing;

import java.util.List;
import org.sparklora.driver.job.plan.RunPlan.EpochLoad;

/**
 * The time of a run, part by part. With R ranks of S shards (R = min(slots, S)), L = ⌈log₂ R⌉ and a gradient of b bytes:
 *
 * <ul>
 *   <li><b>computing</b>, a step: operations · ⌈S / R⌉ / S / rate of a task. A task has whole shards, so speed grows in steps and
 *       ends at S tasks. It is as slow as its slowest rank: of R normal times with standard deviation σ of the mean, the largest
 *       is about 1 + σ √(2 ln R) of it.
 *   <li><b>exchange peer</b>, a step: sums go up a tree, and rank 0 takes in L of them: L (hop + b / bandwidth). The total goes down a
 *       tree in chunks of c = min(b, 256 KiB): L (hop + c / bandwidth), and every rank passes on up to two copies, its
 *       executor's wire shared by its tasks: min(2, R − 1) b · tasks / bandwidth. One rank exchanges nothing.
 *   <li><b>exchange driver</b>, a step: a Spark job of R tasks, one after the other: job + (R − 1) task; all R gradients come in over
 *       the driver's wire and the values go out, as a broadcast that executors pass on: (R + ⌈log₂(executors + 1)⌉) b / bandwidth.
 *   <li><b>peer's segments</b>, once a minute: a job of R tasks.
 *   <li><b>caching</b> and <b>validation</b>: their operations over min(slots, S) tasks at the rate of a task.
 * </ul>
 *
 * <p>It leaves out failures, the growth of a cluster, and memory, which {@code plan} shows.
 *
 * @param epochs of a plan, in order
 * @param shards logical shards of the job
 */
public record RunTime(List<EpochLoad> epochs, int shards, Speeds speeds) {

    /** The chunk size of {@code allreduce.Chunks}. */
    private static final double CHUNK_BYTES = 256 * 1024;

    /** The intended length of a segment. */
    private static final double SEGMENT_SECONDS = 60;

    /** How gradients are summed. */
    public enum Exchange {
        PEER,
        DRIVER
    }

    /**
     * Seconds of a run by part.
     *
     * @param computing forward and backward, waiting for the slowest rank included
     * @param exchange sending gradients, and with {@link Exchange#DRIVER} the Spark jobs for that
     * @param caching computing the trunk activations for the cache, once
     * @param validation metrics after each epoch
     * @param spark start, and the time of each epoch and segment beside its steps
     */
    public record Seconds(double computing, double exchange, double caching, double validation, double spark) {

        /** The whole run. */
        public double total() {
            return computing + exchange + caching + validation + spark;
        }

        /** Hours of all executors together, which a cluster bills. */
        public double executorHours(Cluster cluster) {
            return total() * cluster.executors() / 3600;
        }
    }

    public RunTime {
        epochs = List.copyOf(epochs);
    }

    /** The time on a cluster. */
    public Seconds on(Cluster cluster, Exchange exchange) {
        int ranks = (int) Math.min(cluster.slots(), shards);
        double rate = speeds.operationsPerSecond() * Math.min(1, cluster.cores() / cluster.tasks());
        double ofAStep = Math.ceil((double) shards / ranks) / shards / rate * slowest(ranks);
        double computing = 0;
        double exchanging = 0;
        double caching = 0;
        double validation = 0;
        for (EpochLoad epoch : epochs) {
            for (EpochLoad.Part part : epoch.parts()) {
                computing += part.steps() * part.operations() * ofAStep;
                exchanging += part.steps() * exchangeSeconds(part.bytes(), ranks, cluster, exchange);
            }
            caching += epoch.caching() / ranks / rate;
            validation += epoch.validation() / ranks / rate;
        }
        double spark =
                speeds.spark().startSeconds() + epochs.size() * speeds.spark().epochSeconds();
        if (exchange == Exchange.PEER) {
            double segments = Math.max(epochs.size(), (computing + exchanging) / SEGMENT_SECONDS);
            spark += segments * jobSeconds(ranks);
        }
        return new Seconds(computing, exchanging, caching, validation, spark);
    }

    private double slowest(int ranks) {
        return 1 + speeds.spread() * Math.sqrt(2 * StrictMath.log(ranks));
    }

    private double exchangeSeconds(long bytes, int ranks, Cluster cluster, Exchange exchange) {
        double bandwidth = speeds.network().bytesPerSecond();
        double hop = speeds.network().hopSeconds();
        if (exchange == Exchange.DRIVER) {
            return jobSeconds(ranks) + (ranks + log2(cluster.executors() + 1)) * bytes / bandwidth;
        }
        int levels = log2(ranks);
        double up = levels * (hop + bytes / bandwidth);
        double down = levels * (hop + Math.min((double) bytes, CHUNK_BYTES) / bandwidth);
        double copies = (double) Math.min(2, ranks - 1) * bytes * cluster.tasks() / bandwidth;
        return up + down + copies;
    }

    private double jobSeconds(int tasks) {
        return speeds.spark().jobSeconds() + (tasks - 1) * speeds.spark().taskSeconds();
    }

    /** ⌈log₂ n⌉. */
    private static int log2(int n) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(n - 1);
    }
}
