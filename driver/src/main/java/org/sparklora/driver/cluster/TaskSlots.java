package org.sparklora.driver.cluster;

import java.time.Duration;
import java.util.OptionalInt;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.Utils;

/** What the cluster has room for. */
public final class TaskSlots {

    private TaskSlots() {}

    /** Whether executors come and go with the work: dynamic allocation, which local masters leave unused. */
    static boolean areDynamic(SparkConf conf) {
        return Utils.isDynamicAllocationEnabled(conf);
    }

    /** Tasks that can run at once now. */
    static int available(JavaSparkContext spark) {
        return spark.sc()
                .maxNumConcurrentTasks(spark.sc().resourceProfileManager().defaultResourceProfile());
    }

    /** Tasks that an executor runs at once, where the settings tell: those of a local master, or spark.executor.cores. */
    public static OptionalInt perExecutor(JavaSparkContext spark) {
        return Sessions.isLocal(spark.master()) ? OptionalInt.of(available(spark)) : perExecutor(spark.getConf());
    }

    static OptionalInt perExecutor(SparkConf cluster) {
        return cluster.contains("spark.executor.cores")
                ? OptionalInt.of(
                        Math.max(1, cluster.getInt("spark.executor.cores", 1) / cluster.getInt("spark.task.cpus", 1)))
                : OptionalInt.empty();
    }

    /** Ranks to use now: as many as there are slots and shards for, at least one. */
    static int ranks(JavaSparkContext spark, int shards) {
        return Math.max(1, Math.min(shards, available(spark)));
    }

    /**
     * Tasks to compute shards in, outside barrier stages: as many as can run at once, for more would only cost scheduling.
     * Executors that come and go, come for tasks that wait: there it is a task a shard, or no further one would ever come.
     */
    static int tasks(JavaSparkContext spark, int shards) {
        return areDynamic(spark.getConf()) ? shards : ranks(spark, shards);
    }

    /** Longest silence between ranks before one is given up: spark.lora.stepTimeout. */
    static Duration stepTimeout(JavaSparkContext spark) {
        return Duration.ofSeconds(spark.getConf().getTimeAsSeconds("spark.lora.stepTimeout", "300s"));
    }

    /** Longest wait of a rank for the others at the start of a segment: spark.barrier.sync.timeout. */
    static Duration meetingTimeout(JavaSparkContext spark) {
        return Duration.ofSeconds(spark.getConf().getTimeAsSeconds(Sessions.SYNC_TIMEOUT, "1h"));
    }
}
