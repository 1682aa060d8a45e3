package org.sparklora.driver.spark;

import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/** Where a command's Spark session comes from: what spark-submit configured, with what spark-lora relies on. */
public final class Sessions {

    private static final String CHECK_INTERVAL = "spark.scheduler.barrier.maxConcurrentTasksCheck.interval";

    private static final String MEETING_TIMEOUT = "spark.barrier.sync.timeout";

    private Sessions() {}

    /** Opens the session; the caller closes it. */
    public static SparkSession open(String name) {
        SparkSession.Builder builder = SparkSession.builder()
                .appName(name)
                // Tasks and broadcasts are records, which Kryo cannot read back.
                .config("spark.serializer", "org.apache.spark.serializer.JavaSerializer")
                // Progress is ours; two bars on one terminal are none.
                .config("spark.ui.showConsoleProgress", "false");
        SparkConf given = new SparkConf();
        if (!given.contains(MEETING_TIMEOUT)) {
            // Ranks wait for each other at the start of a stage; Spark's own limit is a year.
            builder.config(MEETING_TIMEOUT, given.get(Slots.STEP_TIMEOUT, Slots.DEFAULT_STEP_TIMEOUT));
        }
        if (!given.contains(CHECK_INTERVAL)) {
            // After a failure ranks wait for slots by this interval; Spark's own 15 s would be most of a restart.
            builder.config(CHECK_INTERVAL, "1s");
        }
        return builder.getOrCreate();
    }
}
