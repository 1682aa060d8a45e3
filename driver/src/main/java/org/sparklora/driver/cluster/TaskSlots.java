package org.sparklora.driver.cluster;

import java.time.Duration;
import java.util.OptionalInt;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.Utils;
import org.sparklora.worker.spark.SparkTransport;

/** Task slots and timeouts of the cluster. */
public final class TaskSlots {

    private TaskSlots() {}

    /** Whether dynamic allocation is on. Spark ignores it with local masters. */
    static boolean areDynamic(SparkConf conf) {
        return Utils.isDynamicAllocationEnabled(conf);
    }

    /** Number of tasks that can run at once now. */
    static int available(JavaSparkContext spark) {
        return spark.sc()
                .maxNumConcurrentTasks(spark.sc().resourceProfileManager().defaultResourceProfile());
    }

    /** Number of tasks that an executor runs at once, if the master is local or spark.executor.cores is set. */
    public static OptionalInt perExecutor(JavaSparkContext spark) {
        return spark.isLocal() ? OptionalInt.of(available(spark)) : perExecutor(spark.getConf());
    }

    static OptionalInt perExecutor(SparkConf cluster) {
        return cluster.contains("spark.executor.cores")
                ? OptionalInt.of(
                        Math.max(1, cluster.getInt("spark.executor.cores", 1) / cluster.getInt("spark.task.cpus", 1)))
                : OptionalInt.empty();
    }

    /** Number of ranks to use now: the smaller number of slots and shards, at least one. */
    static int ranks(JavaSparkContext spark, int shards) {
        return Math.max(1, Math.min(shards, available(spark)));
    }

    /**
     * Number of tasks to compute shards in, outside barrier stages. More tasks than can run at once would only cost
     * scheduling. Dynamic allocation adds executors only for waiting tasks, so there each shard is a task.
     */
    static int tasks(JavaSparkContext spark, int shards) {
        return areDynamic(spark.getConf()) ? shards : ranks(spark, shards);
    }

    /** How long a rank that others wait for may give no sign of life: spark.lora.stepTimeout. */
    static Duration stepTimeout(SparkConf conf) {
        return Duration.ofSeconds(conf.getTimeAsSeconds("spark.lora.stepTimeout", "300s"));
    }

    /** Refuses settings that ranks could not use. */
    static void requireRankSettings(SparkConf conf) {
        try {
            int port = conf.getInt(SparkTransport.PORT, 0);
            boolean usable = port == 0 || (port >= 1024 && port <= 65535);
            if (!usable || stepTimeout(conf).isZero()) {
                throw new IllegalArgumentException(SparkTransport.PORT + " is " + port
                        + ", and spark.lora.stepTimeout is " + stepTimeout(conf).toSeconds() + " s");
            }
        } catch (IllegalArgumentException e) {
            throw new SparkSettingsException(
                    "settings.spark",
                    e.getMessage() + "; " + SparkTransport.PORT + " must be 0, for any free port, or 1024 to 65535, and"
                            + " spark.lora.stepTimeout at least 1s",
                    e);
        }
    }

    /** Maximum wait of a rank for the others at the start of a segment: spark.barrier.sync.timeout. */
    static Duration rendezvousTimeout(JavaSparkContext spark) {
        return Duration.ofSeconds(spark.getConf().getTimeAsSeconds(Sessions.SYNC_TIMEOUT, "1h"));
    }
}
