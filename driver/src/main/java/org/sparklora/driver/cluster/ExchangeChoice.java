package org.sparklora.driver.cluster;

import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.job.config.Exchange;

/**
 * The exchange that a run uses, and the reason.
 *
 * @param peer whether ranks all-reduce among themselves; otherwise the driver sums
 */
public record ExchangeChoice(boolean peer, String reason) {

    /**
     * Decides for {@code auto}. Another setting is used as it is, or refused if Spark cannot run it.
     *
     * @throws SparkSettingsException for settings that cannot work
     */
    public static ExchangeChoice of(Exchange wanted, SparkConf conf) {
        TaskSlots.requireRankSettings(conf);
        boolean dynamic = TaskSlots.areDynamic(conf);
        if (wanted == Exchange.PEER && dynamic) {
            throw new SparkSettingsException(
                    "settings.exchange",
                    "execution.exchange=peer needs barrier stages, but dynamic allocation does not support them; set"
                            + " spark.dynamicAllocation.enabled=false or execution.exchange=auto",
                    null);
        }
        return switch (wanted) {
            case DRIVER -> new ExchangeChoice(false, "execution.exchange is set");
            case PEER -> new ExchangeChoice(true, "execution.exchange is set");
            case AUTO ->
                dynamic
                        ? new ExchangeChoice(false, "dynamic allocation is on, which does not support barrier stages")
                        : new ExchangeChoice(true, "the executors stay, so they can exchange among themselves");
        };
    }

    /** Returns a warning if the cluster has more task slots than the run has shards. */
    public Optional<String> surplus(SparkContext spark, int shards) {
        int slots = TaskSlots.available(JavaSparkContext.fromSparkContext(spark));
        return slots > shards
                ? Optional.of(
                        "warning: " + (slots - shards) + " of " + slots + " task slots stay idle: training.shards is "
                                + shards + ", the largest useful number of slots")
                : Optional.empty();
    }

    /** {@code peer} or {@code driver}. */
    public String label() {
        return peer ? "peer" : "driver";
    }
}
