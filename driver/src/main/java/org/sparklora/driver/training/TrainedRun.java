package org.sparklora.driver.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.job.config.JobChanges;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.ModelConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.manifest.ManifestDigest;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.job.text.NearMiss;
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.model.export.Outputs;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyedAdapter;
import org.sparklora.driver.model.peft.AdapterDetails;
import org.sparklora.driver.model.peft.PeftAdapterWriter;
import org.sparklora.driver.model.peft.PeftKeys;
import org.sparklora.driver.model.predict.KeyedAdapters;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.run.history.StoredHistory;
import org.sparklora.driver.watch.verify.CorruptRunException;
import org.sparklora.driver.watch.verify.RecordedAdapter;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.machine.Machine;

/**
 * A finished run, read from its directory and checked: the adapter is the one that the run wrote, it has every tensor that the
 * manifest names, and the base model is the one that the run was trained on. History and checkpoints are not read.
 *
 * <p>A run with an adapter for each key has none of its own: {@link #keyed} predicts with all of them, and {@link #ofKey} is the
 * run of one key. Their values are read when they are needed.
 *
 * <p>Keeps the other files that it was read from, a few MB at most, so that {@link #write} can copy them.
 */
public final class TrainedRun {

    private static final String CONFIG = "config.yaml";
    private static final String MANIFEST = "manifest.json";

    private final RunDirectory directory;
    private final SortedMap<String, byte[]> files = new TreeMap<>();
    private final JobConfig job;
    private final Optional<AdapterPack> pack;
    private final ManifestFile manifest;
    private final AdapterSnapshot adapter;
    private final List<String> labels;
    private final HostDirectory base;

    private TrainedRun(RunDirectory directory, Optional<String> base) throws IOException {
        this.directory = directory;
        RunStatus status = finishedStatus();
        this.job = JobFile.resolved(name(CONFIG), text(CONFIG));
        this.pack = AdapterPack.find(directory);
        if (pack.isPresent()) {
            this.manifest = pack.get()
                    .index()
                    .anyAdapter()
                    .orElseThrow(() -> new UsageException(
                            "usage.run-unfinished",
                            "the run in " + directory.location() + " has no adapter, because no key could be trained;"
                                    + " the reason of each is in " + AdapterIndex.FILE))
                    .manifest();
            this.adapter = AdapterSnapshot.EMPTY;
            if (!pack.get().index().sha256().equals(status.adapterSha256())) {
                throw new CorruptRunException(
                        "run.adapter-changed",
                        name(AdapterIndex.FILE) + " does not list the adapters that " + RunStatus.FILE + " names",
                        null);
            }
            this.labels = pack.get().index().labels();
        } else {
            this.manifest = readManifest();
            this.adapter = readAdapter(status.adapterSha256());
            requireWhole();
            this.labels = readLabels();
        }
        this.base = findBase(base);
        for (String name : directory.list("adapter")) {
            file("adapter/" + name);
        }
    }

    /** The run of one key. */
    private TrainedRun(TrainedRun all, KeyedAdapter key) {
        this.directory = all.directory;
        this.job = all.job;
        this.pack = Optional.empty();
        this.manifest = key.manifest();
        this.adapter = key.values();
        this.labels = key.labels();
        this.base = all.base;
    }

    /**
     * Reads and checks a run directory.
     *
     * @param location path or URI
     * @param base {@code --base}: path or URI of the base model now, instead of the job's {@code model.path}
     * @throws OutputException if there is no run
     * @throws UsageException if the run has not finished
     * @throws CorruptRunException if a file is missing, damaged, or belongs to another run
     * @throws ModelException if the base model is missing, or is another one
     */
    public static TrainedRun read(String location, Optional<String> base) {
        RunDirectory directory = Locations.directory(location);
        try {
            return new TrainedRun(directory, base);
        } catch (IOException e) {
            throw new UsageException(
                    "usage.run-unreadable",
                    directory.location() + " cannot be read: " + e.getMessage()
                            + "; check the path of --run and its permissions");
        }
    }

    private RunStatus finishedStatus() throws IOException {
        if (!directory.exists(RunStatus.FILE) && StoredHistory.of(directory).isEmpty()) {
            throw OutputException.noRun(directory.location());
        }
        RunStatus status;
        try {
            status = RunStatus.parse(file(RunStatus.FILE));
        } catch (OutputException e) {
            throw CorruptRunException.damaged(name(RunStatus.FILE) + " is not the status of a run", e);
        }
        String reason = switch (status.state()) {
            case FINISHED -> "";
            case RUNNING -> "it is still running, or its process was killed";
            case FAILED -> "it failed: " + status.message();
            case CANCELLED -> "it was cancelled";
        };
        if (!reason.isEmpty()) {
            throw new UsageException(
                    "usage.run-unfinished",
                    "the run in " + directory.location() + " has no adapter, because it has not finished (" + reason
                            + "); continue it with train --resume, or give another --run");
        }
        return status;
    }

    private ManifestFile readManifest() throws IOException {
        String text = text(MANIFEST);
        try {
            return ManifestJson.read(text);
        } catch (ManifestException e) {
            // Each problem begins with the file's name.
            throw CorruptRunException.damaged(directory.location() + "/" + String.join(", ", e.problems()), e);
        }
    }

    private AdapterSnapshot readAdapter(@Nullable String sha256) throws IOException {
        String file = name(RecordedAdapter.FILE);
        SortedMap<String, float[]> values = new TreeMap<>();
        RecordedAdapter.of(file, file(RecordedAdapter.FILE), sha256)
                .tensors()
                .forEach((key, tensor) ->
                        PeftKeys.canonical(file, key).ifPresent(name -> values.put(name, tensor.values())));
        return new AdapterSnapshot(values);
    }

    private void requireWhole() {
        LoraManifest groups = manifest.manifest();
        for (String group : groups.names()) {
            if (manifest.state().in(GroupState.DORMANT).contains(group)) {
                continue;
            }
            for (TensorSpec tensor : groups.tensors(group)) {
                if (!adapter.contains(tensor.name()) || adapter.view(tensor.name()).length != tensor.size()) {
                    throw otherAdapter("'" + tensor.name() + "' is not in it with shape " + tensor.shape());
                }
            }
            String written = manifest.tensorDigests().get(group);
            if (written != null && !written.equals(RunOutput.digest(groups, group, adapter))) {
                throw otherAdapter("group '" + group + "' has other values");
            }
        }
    }

    private CorruptRunException otherAdapter(String why) {
        return new CorruptRunException(
                "run.adapter-changed",
                name(RecordedAdapter.FILE) + " is not the adapter that " + MANIFEST + " describes: " + why,
                null);
    }

    private List<String> readLabels() {
        if (!manifest.labels().isEmpty() || job.model().task() == Task.REGRESSION) {
            return manifest.labels();
        }
        return job.model()
                .labels()
                .orElseThrow(() -> new ModelException(
                        "model.labels",
                        name(MANIFEST)
                                + " does not list the labels: an early build wrote it, and the job does not list them either;"
                                + " train again"));
    }

    private HostDirectory findBase(Optional<String> given) {
        HostDirectory found = given.isPresent()
                ? HostDirectory.model("--base", given.get())
                : HostDirectory.model("model.path", job.model().path());
        if (!Files.isDirectory(found.here())) {
            throw new ModelException(
                    "model.base",
                    given.isPresent()
                            ? "--base " + given.get()
                                    + " is not a directory; give the Hugging Face directory that the run was trained on"
                            : "the base model of the run in " + directory.location() + " is no longer in "
                                    + found.here() + "; give its new directory with --base DIR");
        }
        String sha256 = BaseModel.sha256(found.here());
        if (!sha256.equals(manifest.baseModelSha256())) {
            throw new ModelException(
                    "model.base-changed",
                    found.here() + " is not the base model that the run in " + directory.location()
                            + " was trained on: its weights have sha256 " + sha256 + ", but " + MANIFEST + " has "
                            + manifest.baseModelSha256() + "; give the right one with --base DIR");
        }
        return found;
    }

    private String text(String file) throws IOException {
        return new String(file(file), StandardCharsets.UTF_8);
    }

    /** Reads a file that every finished run has, and keeps it. */
    private byte[] file(String file) throws IOException {
        byte[] bytes = files.get(file);
        if (bytes == null) {
            bytes = directory.find(file).orElseThrow(() -> CorruptRunException.missing(name(file)));
            files.put(file, bytes);
        }
        return bytes;
    }

    private String name(String file) {
        return directory.location() + "/" + file;
    }

    /**
     * The run of one key, as if it had been trained alone.
     *
     * @throws UsageException if the run has no adapters by key, or none for this one
     */
    public TrainedRun ofKey(String key) {
        AdapterIndex index = pack.orElseThrow(() -> new UsageException(
                        "usage.adapter",
                        "the run in " + directory.location() + " has one adapter, and none for the key '" + key
                                + "'; leave out --adapter"))
                .index();
        Packed packed = Optional.ofNullable(index.keys().get(key))
                .flatMap(KeyEntry::adapter)
                .orElseThrow(() -> new UsageException("usage.adapter", noAdapter(index, key)));
        try {
            return new TrainedRun(this, new AdapterPack(directory, index).read(packed));
        } catch (IOException e) {
            throw new UncheckedIOException(directory.location() + " cannot be read", e);
        }
    }

    private String noAdapter(AdapterIndex index, String key) {
        String problem = "the run in " + directory.location() + " has no adapter for the key '" + key + "' of column '"
                + index.column() + "'";
        KeyEntry there = index.keys().get(key);
        if (there != null) {
            return problem + ": " + there.reason() + "; give --adapter another key";
        }
        String near = NearMiss.all(key, index.keys().keySet()).stream()
                .limit(5)
                .map(name -> "'" + name + "'")
                .collect(Collectors.joining(" or "));
        return problem
                + (near.isEmpty() ? "; " + AdapterIndex.FILE + " lists the keys" : "; did you mean " + near + "?");
    }

    /** The column of the keys; empty for a run with one adapter. */
    public Optional<String> keyColumn() {
        return pack.map(all -> all.index().column());
    }

    /**
     * The adapters of all keys in the form in which executors predict with them.
     *
     * @param precision of the frozen layers; empty for the run's own
     */
    public KeyedAdapters keyed(Optional<Precision> precision) {
        AdapterPack all = pack.orElseThrow(() -> new IllegalStateException("the run has one adapter"));
        TrainedModel.Base on = base(precision);
        return new KeyedAdapters(all, on, tokens(on), JobRows.head(job, labels), labels);
    }

    private void requireOne() {
        keyColumn().ifPresent(column -> {
            throw new UsageException(
                    "usage.adapter",
                    "the run in " + directory.location() + " has an adapter for each key of column '" + column
                            + "'; choose one with --adapter KEY");
        });
    }

    /** The PEFT directory of the adapter, by file name: what {@code train} writes into {@code adapter/}. */
    public SortedMap<String, byte[]> peft() {
        requireOne();
        boolean words = job.model().task() == Task.TOKEN_CLASSIFICATION;
        TrainedModel.Base on = base(Optional.empty());
        List<String> whole = new ArrayList<>(encoder(on).encoder().head().modules());
        whole.addAll(job.lora().modulesToSave());
        AdapterDetails details = new AdapterDetails(
                job.model().path(),
                words ? "TOKEN_CLS" : "SEQ_CLS",
                job.lora().loraDropout(),
                whole.stream().distinct().toList(),
                Optional.empty());
        return PeftAdapterWriter.files(manifest.manifest(), manifest.active(), adapter, details);
    }

    /** Writes the files to another directory, from which {@link #read} reads the same. */
    public void write(String location) {
        RunDirectory target = Locations.directory(location);
        try {
            for (String name : pack.isPresent() ? directory.list(AdapterPack.FOLDER) : Collections.<String>emptySet()) {
                String file = AdapterPack.FOLDER + "/" + name;
                target.write(file, directory.read(file));
            }
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                target.write(file.getKey(), file.getValue());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(location + " cannot be written", e);
        }
    }

    /** The job that trained it. */
    public JobConfig job() {
        return job;
    }

    /** The groups, their states at the end, and the digests of their values. */
    public ManifestFile manifest() {
        return manifest;
    }

    /** Every tensor of a group that has trained, with the head and trained biases. */
    public AdapterSnapshot adapter() {
        return adapter;
    }

    /** Label texts in the order of the head's outputs; empty for regression. */
    public List<String> labels() {
        return labels;
    }

    /** Directory of the base model on this host. */
    public Path base() {
        return base.here();
    }

    /** The meaning of the model's outputs. */
    public Outputs outputs() {
        return new Outputs(job.model().task(), labels);
    }

    /** The adapter merged into its base. The caller closes it. */
    public MergedWeights merged() {
        requireOne();
        return MergedWeights.open(base(), JobModel.headInput(job.model().task()), manifest, adapter);
    }

    /** The model in the form in which executors predict with it, computing as the run did. */
    public TrainedModel model() {
        return model(Optional.empty());
    }

    /** The same in a precision, or in the run's own. */
    public TrainedModel model(Optional<Precision> precision) {
        requireOne();
        LoraManifest groups = manifest.manifest();
        TrainedModel.Base on = base(precision);
        return new TrainedModel(
                on,
                JobRows.head(job, labels),
                new TrainedModel.Adapter(groups, adapter, ManifestDigest.sha256(groups) + " " + adapter.sha256()),
                tokens(on));
    }

    private TrainedModel.Base base(Optional<Precision> precision) {
        Arithmetic begun = JobChanges.arithmetic(job);
        Arithmetic arithmetic = precision
                .filter(told -> told != begun.precision())
                .map(told -> new Arithmetic(Kernel.ONEDNN, told))
                .orElse(begun);
        Machine.require(arithmetic);
        return new TrainedModel.Base(base.source(), manifest.baseModelSha256(), arithmetic);
    }

    private TrainedModel.Text tokens(TrainedModel.Base on) {
        ModelConfig config = job.model();
        return new TrainedModel.Text(JobModel.tokenizer(base(), config, encoder(on)), config.maxLength());
    }

    private BaseModel encoder(TrainedModel.Base on) {
        return BaseModel.shared(
                base(), on.sha256(), JobModel.headInput(job.model().task()), on.arithmetic());
    }
}
