package org.sparklora.driver.cluster;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.sparklora.driver.job.config.JobPaths;

/**
 * Where paths of jobs and commands lie. A path without a scheme is local under a local master, else on the default file
 * system; {@code file:} is always local.
 *
 * <p>Works before there is a Spark session.
 */
public final class Locations {

    private Locations() {}

    /**
     * The local path of a location; empty where it is on a file system of Hadoop's.
     *
     * @throws IllegalArgumentException where it is none
     */
    static Optional<Path> local(String location, SparkConf spark, Configuration hadoop) {
        if (location.startsWith("file:")) {
            return Optional.of(Path.of(URI.create(location)));
        }
        boolean local = Sessions.isLocal(spark.get("spark.master", "local"))
                || "file".equals(FileSystem.getDefaultUri(hadoop).getScheme());
        return !JobPaths.hasScheme(location) && local ? Optional.of(Path.of(location)) : Optional.empty();
    }

    /**
     * The same under the settings that count here.
     *
     * @throws IllegalArgumentException where it is none
     */
    public static Optional<Path> local(String location) {
        return local(location, settings(), hadoop());
    }

    /** The settings that count: those of the session under way, else those that spark-submit passes on. */
    public static SparkConf settings() {
        SparkEnv running = SparkEnv.get();
        return running == null ? new SparkConf() : running.conf();
    }

    /** Hadoop's own settings, and those that Spark is given for it. */
    public static Configuration hadoop() {
        return hadoop(settings());
    }

    static Configuration hadoop(SparkConf spark) {
        return SparkHadoopUtil.get().newConfiguration(spark);
    }
}
