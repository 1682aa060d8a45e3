package org.sparklora.driver.job.sizing;

/**
 * Measured speeds of machines, network and Spark.
 *
 * @param network of the executors
 * @param spark the overhead of Spark
 * @param operationsPerSecond of one core in a training step
 * @param spread standard deviation of the time of equal steps on different executors, as a fraction of the mean
 */
public record Speeds(double operationsPerSecond, double spread, Network network, Spark spark) {

    /** Part of the rate of matrix products that training steps reach; README, "Speed". */
    private static final double OF_PRODUCTS = 0.9;

    /**
     * The speeds of a cluster, with the overhead of Spark and the exchange as measured with one and two executors on one
     * machine: see docs/sizing.md.
     *
     * @param productsPerSecond operations of matrix products on one core
     * @param gigabits bandwidth of an executor's network, 10⁹ bits a second
     */
    public static Speeds ofCluster(double productsPerSecond, double gigabits) {
        return new Speeds(
                OF_PRODUCTS * productsPerSecond,
                0.05,
                new Network(gigabits * 1e9 / 8, 0.0003),
                new Spark(0.020, 0.004, 0.5, 20));
    }

    /**
     * The network between two executors, with Spark's transport.
     *
     * @param bytesPerSecond in one direction
     * @param hopSeconds from one rank's send to the other's receive, for a short message
     */
    public record Network(double bytesPerSecond, double hopSeconds) {}

    /**
     * The overhead of Spark.
     *
     * @param jobSeconds a job of one task that does nothing
     * @param taskSeconds each further task of a job; the driver starts them one by one
     * @param epochSeconds an epoch's time beside its steps: broadcast, jobs of validation and bookkeeping, checkpoint
     * @param startSeconds from submission to the first step
     */
    public record Spark(double jobSeconds, double taskSeconds, double epochSeconds, double startSeconds) {}
}
