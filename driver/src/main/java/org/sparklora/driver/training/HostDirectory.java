package org.sparklora.driver.training;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BiFunction;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.job.config.JobPaths;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.spark.HostModels;

/**
 * A model or adapter directory that a job or command names. A remote directory is copied to this host once.
 *
 * @param here the directory on this host
 * @param source where the executors find it
 */
record HostDirectory(Path here, ModelSource source) {

    /** A base model's directory. */
    static HostDirectory model(String key, String location) {
        return of(key, location, HostModels::model);
    }

    /** A PEFT adapter's directory. */
    static HostDirectory adapter(String key, String location) {
        return of(key, location, HostModels::adapter);
    }

    private static HostDirectory of(
            String key, String location, BiFunction<HostModels, String, HostModels.Copy> fetch) {
        Optional<Path> local;
        try {
            local = Locations.local(location);
        } catch (IllegalArgumentException e) {
            throw new UsageException(
                    "usage.path", key + " " + location + " is not a valid path: " + e.getMessage() + "; correct it");
        }
        if (local.isPresent()) {
            // Absolute, because executors have other working directories.
            String everywhere = local.get().toAbsolutePath().normalize().toString();
            return new HostDirectory(local.get(), ModelSource.everywhere(everywhere));
        }
        try {
            HostModels.Copy copy = fetch.apply(HostModels.of(Locations.settings()), location);
            if (copy.copiedBytes() > 0) {
                Console.err("%s %s: %s copied to %s", key, location, Bytes.text(copy.copiedBytes()), copy.here());
            }
            return new HostDirectory(copy.here(), copy.source());
        } catch (ModelException e) {
            boolean onThisDisk = !JobPaths.hasScheme(location) && Files.isDirectory(Path.of(location));
            throw new ModelException(
                    e.code(),
                    key + " " + e.reason()
                            + (onThisDisk ? ". If every host has it on its own disk, write file:" + location : ""),
                    e);
        }
    }
}
