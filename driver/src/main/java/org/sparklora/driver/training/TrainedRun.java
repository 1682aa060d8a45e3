package org.sparklora.driver.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
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
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.model.export.Outputs;
import org.sparklora.driver.model.peft.PeftKeys;
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
 * <p>Keeps the files it was read from, a few MB at most, so that {@link #write} can copy them.
 */
public final class TrainedRun {

    private static final String CONFIG = "config.yaml";
    private static final String MANIFEST = "manifest.json";

    private final RunDirectory directory;
    private final SortedMap<String, byte[]> files = new TreeMap<>();
    private final JobConfig job;
    private final ManifestFile manifest;
    private final AdapterSnapshot adapter;
    private final List<String> labels;
    private final HostDirectory base;

    private TrainedRun(RunDirectory directory, Optional<String> base) throws IOException {
        this.directory = directory;
        RunStatus status = finishedStatus();
        this.job = JobFile.resolved(name(CONFIG), text(CONFIG));
        this.manifest = readManifest();
        this.adapter = readAdapter(status.adapterSha256());
        requireWhole();
        this.labels = readLabels();
        this.base = findBase(base);
        for (String name : directory.list("adapter")) {
            file("adapter/" + name);
        }
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

    /** Writes the files to another directory, from which {@link #read} reads the same. */
    public void write(String location) {
        RunDirectory target = Locations.directory(location);
        try {
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
        return MergedWeights.open(base(), JobModel.headInput(job.model().task()), manifest, adapter);
    }

    /** The model in the form in which executors predict with it, computing as the run did. */
    public TrainedModel model() {
        return model(Optional.empty());
    }

    /** The same in a precision, or in the run's own. */
    public TrainedModel model(Optional<Precision> precision) {
        ModelConfig config = job.model();
        Arithmetic begun = JobChanges.arithmetic(job);
        Arithmetic arithmetic = precision
                .filter(told -> told != begun.precision())
                .map(told -> new Arithmetic(Kernel.ONEDNN, told))
                .orElse(begun);
        Machine.require(arithmetic);
        BaseModel model =
                BaseModel.shared(base(), manifest.baseModelSha256(), JobModel.headInput(config.task()), arithmetic);
        LoraManifest groups = manifest.manifest();
        return new TrainedModel(
                new TrainedModel.Base(base.source(), manifest.baseModelSha256(), arithmetic),
                JobRows.head(job, labels),
                new TrainedModel.Adapter(groups, adapter, ManifestDigest.sha256(groups) + " " + adapter.sha256()),
                new TrainedModel.Text(JobModel.tokenizer(base(), config, model), config.maxLength()));
    }
}
