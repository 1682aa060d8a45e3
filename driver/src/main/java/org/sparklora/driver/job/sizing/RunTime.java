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
 *   <li><b>exchange peer</b>, a step: each chunk's sums go up a tree and its total comes down, and every rank owns as many chunks: 2 L
 *       hops, and 2 (R − 1) / R gradients that each rank sends and receives at the same time, on the wire that its executor's tasks
 *       share: 2 L hop + 2 b tasks (R − 1) / (R bandwidth). One rank exchanges nothing.
 *   <li><b>exchange driver</b>, a step: a Spark job of R tasks, one after the other: job + (R − 1) task. The driver receives G
 *       gradients and sends the values, as a broadcast that executors pass on: (G + ⌈log₂(executors + 1)⌉) b / bandwidth. G = R up to
 *       64 MiB or four gradients. If that is exceeded, executors add ranges of 1 MB in 1 + b / 1 MB more tasks, G = 1, and the wire of
 *       an executor carries the gradients of its tasks: tasks b / bandwidth.
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

    /** From which bytes on executors add the gradients of the exchange {@code driver}, and what one task adds: those of the cluster. */
    private static final double MAX_BYTES_ON_DRIVER = 64 << 20;

    private static final double RANGE_BYTES = 1e6;

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
            boolean few = ranks <= 4 || ranks * (double) bytes <= MAX_BYTES_ON_DRIVER;
            int ranges = few ? 0 : 1 + (int) (bytes / RANGE_BYTES);
            double gradients = (few ? ranks : 1 + cluster.tasks()) + log2(cluster.executors() + 1);
            return jobSeconds(ranks + ranges) + gradients * bytes / bandwidth;
        }
        return 2 * log2(ranks) * hop + 2.0 * bytes * cluster.tasks() * (ranks - 1) / (ranks * bandwidth);
    }

    private double jobSeconds(int tasks) {
        return speeds.spark().jobSeconds() + (tasks - 1) * speeds.spark().taskSeconds();
    }

    /** ⌈log₂ n⌉. */
    private static int log2(int n) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(n - 1);
    }
}
