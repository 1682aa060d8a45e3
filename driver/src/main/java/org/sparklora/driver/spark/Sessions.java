package org.sparklora.driver.spark;

import org.apache.spark.sql.SparkSession;

/** Where a command's Spark session comes from: what spark-submit configured, with what spark-lora relies on. */
public final class Sessions {

    private Sessions() {}

    /** Opens the session; the caller closes it. */
    public static SparkSession open(String name) {
        SparkSession.Builder builder = SparkSession.builder()
                .appName(name)
                // Tasks and broadcasts are records, which Kryo cannot read back.
                .config("spark.serializer", "org.apache.spark.serializer.JavaSerializer")
                // Progress is ours; two bars on one terminal are none.
                .config("spark.ui.showConsoleProgress", "false");
        return builder.getOrCreate();
    }
}
