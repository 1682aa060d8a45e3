package org.sparklora.driver.training;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.SourcePaths;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobPaths;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.model.hub.Hub;
import org.sparklora.driver.model.hub.HubFiles;
import org.sparklora.driver.model.hub.HubSettings;
import org.sparklora.driver.watch.progress.Progress.Screen;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.spark.HostModels;

/**
 * A model or adapter directory that a job or command names. A remote directory is copied to this host once. What is on a hub is
 * downloaded into the cache of the driver's host once, and other hosts copy it from there.
 *
 * @param here the directory on this host
 * @param executors tells where executors find it
 */
record HostDirectory(Path here, Supplier<ModelSource> executors) {

    /** Spark's setting that turns hubs off, so that every location is a path. */
    static final String HUB = "spark.lora.hub";

    /** A base model's directory. */
    static HostDirectory model(String key, String location) {
        return of(key, location, HubFiles.MODEL, HostModels::model);
    }

    /** A PEFT adapter's directory. */
    static HostDirectory adapter(String key, String location) {
        return of(key, location, HubFiles.ADAPTER, HostModels::adapter);
    }

    /** The same job with the commits of what it names on a hub. */
    static JobConfig pinned(JobConfig job) {
        return job.with(
                pinned("model.path", job.model().path()),
                job.lora().initAdapter().map(adapter -> pinned("lora.init_adapter", adapter)));
    }

    private static String pinned(String key, String location) {
        return hubId(location)
                .map(id -> onHub(key, id, hub -> hub.pinned(id)).toString())
                .orElse(location);
    }

    /** Where executors find it. A directory of the driver's host alone needs a running session to be served from. */
    ModelSource source() {
        return executors.get();
    }

    /** The location as an id on a hub. A directory of that name is not on a hub. */
    private static Optional<HubId> hubId(String location) {
        boolean on = UsageException.isOn(HUB, Locations.settings().get(HUB, "on"));
        return HubId.of(location).filter(id -> on && !Locations.exists(location));
    }

    private static HostDirectory fromHub(String key, HubId id, HubFiles files) {
        Hub.Snapshot found = onHub(key, id, hub -> hub.find(id, files));
        Path here = found.directory();
        if (found.downloaded() > 0) {
            Console.err("%s %s: %s downloaded to %s", key, id, Bytes.text(found.downloaded()), here);
        }
        return new HostDirectory(
                here,
                () -> SourcePaths.isLocal(Locations.settings().get("spark.master", "local"))
                        ? ModelSource.everywhere(here.toString())
                        : HostModels.of(Locations.settings()).served(here, found.files()));
    }

    private static <T> T onHub(String key, HubId id, Function<Hub, T> work) {
        Screen screen = Console.screen();
        try {
            return work.apply(new Hub(
                    new HubSettings(System.getenv()), screen.interval(), text -> screen.status(key + ": " + text)));
        } catch (ModelException e) {
            throw new ModelException(
                    e.code(),
                    key + " " + id + " is not a directory here; as the id of a repository on a hub: " + e.reason(),
                    e);
        }
    }

    private static HostDirectory of(
            String key, String location, HubFiles files, BiFunction<HostModels, String, HostModels.Copy> fetch) {
        Optional<HubId> id = hubId(location);
        if (id.isPresent()) {
            return fromHub(key, id.get(), files);
        }
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
            return new HostDirectory(local.get(), () -> ModelSource.everywhere(everywhere));
        }
        try {
            HostModels.Copy copy = fetch.apply(HostModels.of(Locations.settings()), location);
            if (copy.copiedBytes() > 0) {
                Console.err("%s %s: %s copied to %s", key, location, Bytes.text(copy.copiedBytes()), copy.here());
            }
            return new HostDirectory(copy.here(), copy::source);
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
