package org.sparklora.driver.cluster;

import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.job.config.Exchange;

/**
 * Which exchange a run uses, and why.
 *
 * @param peer whether ranks exchange among themselves; else through the driver
 */
public record ExchangeChoice(boolean peer, String reason) {

    /** Decides for {@code auto}; a wish is followed where Spark can. */
    public static ExchangeChoice of(Exchange wanted, SparkConf conf) {
        boolean dynamic = TaskSlots.areDynamic(conf);
        if (wanted == Exchange.PEER && dynamic) {
            throw new SparkSettingsException(
                    "execution.exchange=peer needs barrier stages, which Spark does not run with dynamic allocation; set"
                            + " spark.dynamicAllocation.enabled=false or execution.exchange=auto",
                    null);
        }
        return switch (wanted) {
            case DRIVER -> new ExchangeChoice(false, "execution.exchange says so");
            case PEER -> new ExchangeChoice(true, "execution.exchange says so");
            case AUTO ->
                dynamic
                        ? new ExchangeChoice(false, "dynamic allocation is on, and barrier stages do not run with it")
                        : new ExchangeChoice(true, "the executors stay, so they can exchange among themselves");
        };
    }

    /** A warning where the cluster has more task slots than there are shards to compute. */
    public Optional<String> surplus(SparkContext spark, int shards) {
        int slots = TaskSlots.available(JavaSparkContext.fromSparkContext(spark));
        return slots > shards
                ? Optional.of("warning: " + (slots - shards) + " of " + slots + " task slots idle: training.shards is "
                        + shards + ", the largest useful number of slots")
                : Optional.empty();
    }

    /** peer or driver. */
    public String label() {
        return peer ? "peer" : "driver";
    }
}
