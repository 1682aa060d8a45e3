package org.sparklora.driver.cluster;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.sparklora.driver.cluster.data.SourcePaths;
import org.sparklora.driver.job.config.JobPaths;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * Resolves the paths of jobs and commands. A path without a scheme is local with a local master, otherwise on the default file
 * system. {@code file:} is always local.
 *
 * <p>Needs no Spark session.
 */
public final class Locations {

    private Locations() {}

    /**
     * Returns the local path of a location, or empty if it is on one of Hadoop's file systems.
     *
     * @throws IllegalArgumentException if it is not a valid path
     */
    static Optional<Path> local(String location, SparkConf spark, Configuration hadoop) {
        if (location.startsWith("file:")) {
            return Optional.of(Path.of(URI.create(location)));
        }
        boolean local = SourcePaths.isLocal(spark.get("spark.master", "local"))
                || "file".equals(FileSystem.getDefaultUri(hadoop).getScheme());
        return !JobPaths.hasScheme(location) && local ? Optional.of(Path.of(location)) : Optional.empty();
    }

    /**
     * Returns the local path of a location with the settings of this process.
     *
     * @throws IllegalArgumentException if it is not a valid path
     */
    public static Optional<Path> local(String location) {
        return local(location, settings(), hadoop());
    }

    /** Whether there is a file or directory; a file system that cannot be reached has none. */
    public static boolean exists(String location) {
        Optional<Path> local = local(location);
        if (local.isPresent()) {
            return Files.exists(local.get());
        }
        try {
            org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(location);
            return path.getFileSystem(hadoop()).exists(path);
        } catch (IOException | RuntimeException e) {
            return false;
        }
    }

    /**
     * Opens the run directory at a path or URI that the user gave, with the settings of this process.
     *
     * @throws OutputException if it is not a valid path, or its file system cannot be reached
     */
    public static RunDirectory directory(String path) {
        return directory(path, settings());
    }

    static RunDirectory directory(String path, SparkConf spark) {
        Configuration hadoop = hadoop(spark);
        org.apache.hadoop.fs.Path root;
        try {
            Optional<Path> local = local(path, spark, hadoop);
            if (local.isPresent()) {
                return new LocalRunDirectory(local.get());
            }
            // Hadoop's Path accepts spaces, which URI.create does not.
            root = new org.apache.hadoop.fs.Path(path);
        } catch (IllegalArgumentException e) {
            throw new OutputException("usage.path", path + " is not a valid path: " + e.getMessage() + "; correct it");
        }
        try {
            return new HadoopRunDirectory(root.getFileSystem(hadoop), root);
        } catch (IOException | RuntimeException e) {
            // Hadoop reports a class that is not there by a bare RuntimeException.
            throw new OutputException(
                    "output.unreachable",
                    "cannot access " + path + ": " + e.getMessage()
                            + "; check the address, and that the file system's jars are on the class path (--packages)");
        }
    }

    /** The settings of the running session, or those that spark-submit passes on. */
    public static SparkConf settings() {
        return SourcePaths.settings();
    }

    /** Hadoop's settings, including those that Spark passes on. */
    public static Configuration hadoop() {
        return hadoop(settings());
    }

    static Configuration hadoop(SparkConf spark) {
        return SparkHadoopUtil.get().newConfiguration(spark);
    }
}
