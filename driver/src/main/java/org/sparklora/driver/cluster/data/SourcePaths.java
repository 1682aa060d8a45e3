package org.sparklora.driver.cluster.data;

import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.sparklora.driver.job.config.JobPaths;

/** Says where a path without a scheme lies: on this machine with a local master, otherwise on the default file system. */
public final class SourcePaths {

    private SourcePaths() {}

    /** A path or URI as Hadoop's path, whose own constructor would take run12:30 for a scheme. */
    public static Path path(String location) {
        if (JobPaths.hasScheme(location)) {
            return new Path(location);
        }
        return isLocal(settings().get("spark.master", "local"))
                ? new Path(
                        "file",
                        null,
                        java.nio.file.Path.of(location).toAbsolutePath().toString())
                : new Path(null, null, location);
    }

    /** Whether everything runs in this JVM. */
    public static boolean isLocal(String master) {
        return master.equals("local") || master.startsWith("local[");
    }

    /** The settings of the running session, or those that spark-submit passes on. */
    public static SparkConf settings() {
        SparkEnv running = SparkEnv.get();
        return running == null ? new SparkConf() : running.conf();
    }
}
