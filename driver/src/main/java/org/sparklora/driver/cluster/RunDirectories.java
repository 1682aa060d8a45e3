package org.sparklora.driver.cluster;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * Opens the run directory at a path, on the file system that {@link Locations} chooses. Needs no Spark session.
 */
public final class RunDirectories {

    private RunDirectories() {}

    /** Opens a directory at a path or URI, with the settings of this process. */
    public static RunDirectory of(String output) {
        return of(output, Locations.settings());
    }

    static RunDirectory of(String output, SparkConf spark) {
        Configuration hadoop = Locations.hadoop(spark);
        Optional<Path> local = Locations.local(output, spark, hadoop);
        if (local.isPresent()) {
            return new LocalRunDirectory(local.get());
        }
        // Hadoop's Path accepts spaces, which URI.create does not.
        org.apache.hadoop.fs.Path root = new org.apache.hadoop.fs.Path(output);
        try {
            return new HadoopRunDirectory(root.getFileSystem(hadoop), root);
        } catch (IOException | RuntimeException e) {
            // Hadoop reports a class that is not there by a bare RuntimeException.
            throw new OutputException(
                    "output.unreachable",
                    "cannot access " + output + ": " + e.getMessage()
                            + "; check the address, and that the file system's jars are on the class path (--packages)");
        }
    }
}
