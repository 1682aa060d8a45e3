package org.sparklora.driver.job.sizing;

/**
 * What machines and Spark take for things, measured.
 *
 * @param network of the executors
 * @param spark what Spark itself takes
 * @param operationsPerSecond of one core in a training step
 * @param spread how much steps of equal work differ from executor to executor: standard deviation as part of the mean
 */
public record Speeds(double operationsPerSecond, double spread, Network network, Spark spark) {

    /** Part of the rate of matrix products that training steps reach; README, "Speed". */
    private static final double OF_PRODUCTS = 0.9;

    /**
     * A cluster's, with what one and two executors on one machine showed of Spark and the exchange: see docs/sizing.md.
     *
     * @param productsPerSecond operations of matrix products, one core
     * @param gigabits of an executor's network in a second
     */
    public static Speeds ofCluster(double productsPerSecond, double gigabits) {
        return new Speeds(
                OF_PRODUCTS * productsPerSecond,
                0.05,
                new Network(gigabits * 1e9 / 8, 0.0003),
                new Spark(0.020, 0.004, 0.5, 20));
    }

    /**
     * The wire between two executors, Spark's transport included.
     *
     * @param bytesPerSecond in one direction
     * @param hopSeconds from one rank's send to the other's receive, for a short message
     */
    public record Network(double bytesPerSecond, double hopSeconds) {}

    /**
     * Spark.
     *
     * @param jobSeconds a job of one task that does nothing
     * @param taskSeconds each further task of a job, which the driver starts one after the other
     * @param epochSeconds what an epoch takes beside steps: broadcast, validation's and bookkeeping jobs, checkpoint
     * @param startSeconds from submission to the first step
     */
    public record Spark(double jobSeconds, double taskSeconds, double epochSeconds, double startSeconds) {}
}
