package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.KeyedTable.Count;
import org.sparklora.driver.job.config.JobChanges;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ResolvedYaml;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry;
import org.sparklora.driver.model.keyed.KeyEntry.Outcome;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyEntry.Place;
import org.sparklora.driver.model.keyed.KeyEntry.Rows;
import org.sparklora.driver.model.keyed.KeyedAdapter;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.run.history.LeasedRunDirectory;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;

/**
 * The files of a run that trains an adapter for each key. Call order: the constructor, {@link #started} once model and data are
 * checked, {@link #commit} for each wave of keys, {@link #finished}; or {@link #failed} after any of these.
 *
 * <p>A wave is stored by a packed file, then its events, then the index, which makes both valid. So a run that was killed resumes
 * after its last wave, and what the index names never changes.
 */
final class KeyedOutput {

    private static final String CONFIG = "config.yaml";
    private static final int MAX_SHOWN = 10;

    private final JobConfig job;
    private final LeasedRunDirectory directory;
    private final IfRunIsThere ifRunIsThere;
    private final Clock clock;
    private final Instant began;
    private final StatusFile status;
    private final boolean resumed;
    private final RunHistory history;
    private AdapterIndex index;

    KeyedOutput(JobConfig job, Clock clock, IfRunIsThere ifRunIsThere) throws IOException {
        RunDirectory output = Locations.directory(job.output());
        this.job = job;
        this.clock = clock;
        this.ifRunIsThere = ifRunIsThere;
        this.directory = new LeasedRunDirectory(output, clock);
        this.began = clock.instant();
        directory.refuseHeld();
        Optional<JobConfig> before = ifRunIsThere == IfRunIsThere.RESUME ? Resumption.before(output) : Optional.empty();
        before.ifPresent(this::requireSameJob);
        this.resumed = before.isPresent();
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.refuseForeign(directory);
        } else if (!resumed) {
            OutputGuard.refuseOtherRun(directory);
        }
        Optional<AdapterIndex> found = resumed ? AdapterPack.find(output).map(AdapterPack::index) : Optional.empty();
        this.index = found.orElseGet(
                () -> new AdapterIndex(job.data().keyed().adapter().orElseThrow(), Optional.empty(), new TreeMap<>()));
        this.history =
                resumed ? RunHistory.resume(directory, clock, index.historyBytes()) : new RunHistory(directory, clock);
        this.status = new StatusFile(directory, this::end);
        status.watchShutdown();
    }

    /** Adapters that are there must be those that this job would train. */
    private void requireSameJob(JobConfig before) {
        List<String> refused =
                new ArrayList<>(JobChanges.refused(before, job, Resumption.atStart(before), Integer.MAX_VALUE));
        if (!before.training().numTrainEpochs().equals(job.training().numTrainEpochs()) && refused.isEmpty()) {
            refused.add("training.num_train_epochs: adapters that are trained do not train on");
        }
        if (!before.lora().groups().keySet().equals(job.lora().groups().keySet())) {
            refused.add("lora.groups: " + before.lora().groups().keySet() + " → "
                    + job.lora().groups().keySet() + " (adapters that are trained stay as they are)");
        }
        if (!refused.isEmpty()) {
            throw Resumption.refusal(
                    "usage.resume-job-changed", "the job differs from " + directory.location() + "/" + CONFIG, refused);
        }
    }

    /** The keys that are stored, and the fallback. */
    AdapterIndex index() {
        return index;
    }

    /** Reads the fallback. */
    Optional<KeyedAdapter> fallback() throws IOException {
        Optional<Packed> packed = index.fallback().flatMap(KeyEntry::adapter);
        return packed.isPresent()
                ? Optional.of(new AdapterPack(directory, index).read(packed.get()))
                : Optional.empty();
    }

    /**
     * Returns the keys that are left to train: those without an adapter, but for those that failed with the same rows.
     *
     * @throws UsageException naming keys that have an adapter and other rows than then
     */
    SortedMap<String, Count> left(SortedMap<String, Count> counts) {
        SortedMap<String, Count> left = new TreeMap<>(counts);
        List<String> changed = new ArrayList<>();
        index.keys().forEach((key, entry) -> {
            Count now = counts.get(key);
            boolean same = now == null || now.sha256().equals(entry.rows().sha256());
            if (entry.outcome() == Outcome.TRAINED || (entry.outcome() == Outcome.FAILED && same)) {
                left.remove(key);
            }
            if (entry.outcome() == Outcome.TRAINED && !same) {
                changed.add("key '" + key + "' (" + KeyEntry.id(key) + "): its rows are others than those that it was"
                        + " trained on");
            }
        });
        if (!changed.isEmpty()) {
            List<String> shown = new ArrayList<>(changed.subList(0, Math.min(MAX_SHOWN, changed.size())));
            if (changed.size() > MAX_SHOWN) {
                shown.add("and " + (changed.size() - MAX_SHOWN) + " more keys");
            }
            throw Resumption.refusal(
                    "usage.resume-input-changed",
                    "the rows of keys in " + directory.location() + " have changed",
                    shown);
        }
        return left;
    }

    /** Refuses another base model than that of the adapters that are there. */
    void requireSameBase(String sha256) {
        Stream.concat(index.fallback().stream(), index.keys().values().stream())
                .flatMap(entry -> entry.adapter().stream())
                .map(packed -> packed.manifest().baseModelSha256())
                .filter(before -> !before.equals(sha256))
                .findFirst()
                .ifPresent(before -> {
                    throw Resumption.refusal(
                            "usage.resume-input-changed",
                            "the inputs of the run in " + directory.location() + " have changed",
                            List.of("base model: " + before + " → " + sha256));
                });
    }

    /** Claims the directory and records what the run depends on. */
    void started(HistoryEvent event) throws IOException {
        if (ifRunIsThere == IfRunIsThere.OVERWRITE) {
            OutputGuard.overwrite(directory);
        }
        status.claim();
        directory.write(CONFIG, ResolvedYaml.write(job).getBytes(StandardCharsets.UTF_8));
        history.append(event);
        history.commit();
        if (resumed) {
            Console.progress(job.name() + ": resuming; " + index.keys().size() + " keys are there");
        }
    }

    /** Stores the fallback, which no later run changes. */
    void commitFallback(KeyResult result, Count all, String baseSha256) throws IOException {
        KeyedAdapter adapter = adapter(result, baseSha256).orElseThrow();
        SortedMap<String, KeyedAdapter> one = new TreeMap<>(Map.of(AdapterPack.FALLBACK, adapter));
        SortedMap<String, Place> places = AdapterPack.write(directory, AdapterPack.FALLBACK + ".safetensors", one);
        index = index.with(entry(result, all, Optional.of(adapter), places.get(AdapterPack.FALLBACK)));
        append(result, "all rows");
        publish();
    }

    /**
     * Stores the results of some keys.
     *
     * @param counts rows of each key, and of others
     */
    void commit(List<KeyResult> results, SortedMap<String, Count> counts, String baseSha256) throws IOException {
        SortedMap<String, KeyedAdapter> adapters = new TreeMap<>();
        results.forEach(result ->
                adapter(result, baseSha256).ifPresent(adapter -> adapters.put(KeyEntry.id(result.key()), adapter)));
        SortedMap<String, Place> places = adapters.isEmpty()
                ? new TreeMap<>()
                : AdapterPack.write(directory, AdapterPack.part(nextPart()), adapters);
        SortedMap<String, KeyEntry> entries = new TreeMap<>();
        for (KeyResult result : results) {
            String id = KeyEntry.id(result.key());
            Count count = Objects.requireNonNull(counts.get(result.key()));
            entries.put(result.key(), entry(result, count, Optional.ofNullable(adapters.get(id)), places.get(id)));
            append(result, result.key());
        }
        index = index.with(entries);
        publish();
    }

    private static Optional<KeyedAdapter> adapter(KeyResult result, String baseSha256) {
        return Optional.ofNullable(result.trained()).map(trained -> {
            ManifestFile manifest = new ManifestFile(
                    trained.manifest(),
                    trained.freeze(),
                    new TreeMap<>(),
                    baseSha256,
                    trained.rows().labels());
            return new KeyedAdapter(manifest, trained.values());
        });
    }

    private static KeyEntry entry(
            KeyResult result, Count count, Optional<KeyedAdapter> adapter, @Nullable Place place) {
        KeyResult.Trained trained = result.trained();
        if (trained == null || adapter.isEmpty() || place == null) {
            return new KeyEntry(rows(count), Outcome.FAILED, result.reason(), Optional.empty());
        }
        List<KeyResult.Epoch> epochs = result.epochs();
        Packed packed = new Packed(
                adapter.get().manifest(),
                trained.epoch(),
                // A policy may end the run before its first epoch.
                epochs.isEmpty()
                        ? new TreeMap<>()
                        : epochs.get(epochs.size() - 1).validation(),
                adapter.get().sha256(),
                place);
        Rows rows = new Rows(trained.rows().training(), trained.rows().validation(), count.sha256());
        return new KeyEntry(rows, Outcome.TRAINED, "", Optional.of(packed));
    }

    private static Rows rows(Count count) {
        return new Rows(count.training(), count.validation(), count.sha256());
    }

    /** Stores that keys have too few rows. */
    void commitLeftOut(List<String> keys, SortedMap<String, Count> counts, int minRows) throws IOException {
        SortedMap<String, KeyEntry> entries = new TreeMap<>();
        for (String key : keys) {
            Count count = Objects.requireNonNull(counts.get(key));
            String reason = count.training() + " rows, fewer than data.min_rows=" + minRows;
            entries.put(key, new KeyEntry(rows(count), Outcome.LEFT_OUT, reason, Optional.empty()));
        }
        index = index.with(entries);
        publish();
    }

    private void append(KeyResult result, String key) {
        result.epochs()
                .forEach(epoch -> history.append(HistoryEvent.keyEpoch(
                        key, epoch.epoch(), epoch.trainLoss(), epoch.validation(), epoch.freeze())));
        if (result.trained() == null) {
            history.append(HistoryEvent.keyFailed(key, result.reason()));
        }
    }

    private void publish() throws IOException {
        history.commit();
        index = index.at(history.committedBytes());
        directory.write(AdapterIndex.FILE, index.toJson());
    }

    /** The number after those of all packed files that the index names. */
    private int nextPart() {
        TreeSet<String> files = new TreeSet<>();
        index.keys()
                .values()
                .forEach(entry ->
                        entry.adapter().ifPresent(of -> files.add(of.place().file())));
        int next = 0;
        while (files.contains(AdapterPack.part(next))) {
            next++;
        }
        return next;
    }

    /**
     * Writes history and status.
     *
     * @return a summary for the user
     */
    String finished() throws IOException {
        double seconds = Duration.between(began, clock.instant()).toMillis() / 1000.0;
        history.append(HistoryEvent.finished(index.sha256(), seconds));
        history.commit();
        status.finished(index.sha256());
        end();
        return KeyedSummary.of(job.name(), directory.location(), index, seconds);
    }

    /** Records a failure. Returns whether the process is being stopped. */
    boolean failed(Throwable failure) {
        return status.failed(failure, outcome -> end());
    }

    private void end() throws IOException {
        try (directory) {
            if (directory.isHeld()) {
                history.join();
                directory.end();
            }
        }
    }
}
