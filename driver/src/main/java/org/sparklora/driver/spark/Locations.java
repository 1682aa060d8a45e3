package org.sparklora.driver.spark;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;

/**
 * Where paths of jobs and commands lie. A path without a scheme is local under a local master, else on the default file
 * system; {@code file:} is always local.
 *
 * <p>Works before there is a Spark session.
 */
public final class Locations {

    // Two characters at least: C:\ is no scheme.
    private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:.*", Pattern.DOTALL);

    private Locations() {}

    /**
     * The local path of a location; empty where it is on a file system of Hadoop's.
     *
     * @throws IllegalArgumentException where it is none
     */
    public static Optional<Path> local(String location, SparkConf spark, Configuration hadoop) {
        if (location.startsWith("file:")) {
            return Optional.of(Path.of(URI.create(location)));
        }
        boolean local = Sessions.isLocal(spark.get("spark.master", "local"))
                || "file".equals(FileSystem.getDefaultUri(hadoop).getScheme());
        return !hasScheme(location) && local ? Optional.of(Path.of(location)) : Optional.empty();
    }

    /** The settings that count: those of the session under way, else those that spark-submit passes on. */
    public static SparkConf settings() {
        SparkEnv running = SparkEnv.get();
        return running == null ? new SparkConf() : running.conf();
    }

    /** Whether a location says which file system it is on. */
    public static boolean hasScheme(String location) {
        return SCHEME.matcher(location).matches();
    }
}
