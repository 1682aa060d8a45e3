package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.model.export.MergedWeights;
import org.sparklora.driver.model.export.Outputs;
import org.sparklora.driver.model.peft.PeftKeys;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.watch.verify.CorruptRunException;
import org.sparklora.driver.watch.verify.RecordedAdapter;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ModelException;

/**
 * A run that came to its end, read from its directory and checked: the adapter is the one that the run wrote, it has every
 * tensor that the manifest names, and the base model is the one that the run was trained on. History and checkpoints are
 * not looked at.
 *
 * @param job config.yaml
 * @param labels label texts in the order of the head's outputs; empty for regression
 * @param adapter every tensor of a group that is not dormant, head and trained biases included
 * @param baseModel directory of the base model
 */
public record FinishedRun(
        JobConfig job, ManifestFile manifest, List<String> labels, AdapterSnapshot adapter, HostDirectory baseModel) {

    private static final String CONFIG = "config.yaml";
    private static final String MANIFEST = "manifest.json";

    public FinishedRun {
        labels = List.copyOf(labels);
    }

    /** Reads a local run directory; see {@link #open(RunDirectory, Optional)}. */
    public static FinishedRun open(Path run, Optional<String> base) {
        return open(RunOutput.directory(run.toString()), base);
    }

    /**
     * Reads a run directory.
     *
     * @param base {@code --base}: where the base model lies now, instead of the job's {@code model.path}
     * @throws UsageException where there is no run, or one that has not finished
     * @throws CorruptRunException where a file is missing, damaged, or not the run's own
     * @throws ModelException where the base model is not there, or is another one
     */
    public static FinishedRun open(RunDirectory run, Optional<String> base) {
        try {
            return new Reader(run).read(base);
        } catch (IOException e) {
            throw new UsageException(run.location() + " cannot be read: " + e.getMessage()
                    + "; check the path of --run and its permissions");
        }
    }

    /** Directory of the base model on this host. */
    public Path base() {
        return baseModel.here();
    }

    /** The adapter merged into its base; to be closed. */
    public MergedWeights merged() {
        return MergedWeights.open(base(), JobModel.reading(job.model().task()), manifest, adapter);
    }

    /** What the model's outputs mean. */
    public Outputs outputs() {
        return new Outputs(job.model().task(), labels);
    }

    private record Reader(RunDirectory run) {

        FinishedRun read(Optional<String> base) throws IOException {
            RunStatus status = finished();
            JobConfig job = JobFile.resolved(name(CONFIG), text(CONFIG));
            ManifestFile manifest = manifest();
            AdapterSnapshot adapter = adapter(status);
            requireWhole(manifest, adapter);
            List<String> labels = labels(job, manifest);
            HostDirectory directory = base(job, base);
            requireSame(directory.here(), manifest.baseModelSha256());
            return new FinishedRun(job, manifest, labels, adapter, directory);
        }

        private RunStatus finished() throws IOException {
            if (!run.exists(RunStatus.FILE)) {
                if (!run.exists(RunHistory.FILE)) {
                    throw new UsageException(run.location() + " holds no run: there is neither " + RunHistory.FILE
                            + " nor " + RunStatus.FILE + "; check the path of --run");
                }
                throw new CorruptRunException(name(RunStatus.FILE), "is missing");
            }
            RunStatus status;
            try {
                status = RunStatus.parse(run.read(RunStatus.FILE));
            } catch (OutputException e) {
                throw new CorruptRunException(name(RunStatus.FILE), "is no status of a run", e);
            }
            String how = switch (status.state()) {
                case FINISHED -> "";
                case RUNNING -> "it is under way, or its process was killed";
                case FAILED -> "it failed: " + status.message();
                case CANCELLED -> "it was cancelled";
            };
            if (!how.isEmpty()) {
                throw new UsageException("the run in " + run.location() + " has not finished and has no adapter (" + how
                        + "); go on with it by train --resume, or give another --run");
            }
            return status;
        }

        private ManifestFile manifest() throws IOException {
            String text = text(MANIFEST);
            try {
                return ManifestJson.read(text);
            } catch (ManifestException e) {
                // Each problem begins with the file's name.
                throw new CorruptRunException(run.location() + "/" + String.join(", ", e.problems()), e);
            }
        }

        private AdapterSnapshot adapter(RunStatus status) throws IOException {
            String file = name(RecordedAdapter.FILE);
            SortedMap<String, float[]> values = new TreeMap<>();
            RecordedAdapter.of(file, bytes(RecordedAdapter.FILE), status.adapterSha256())
                    .tensors()
                    .forEach((key, tensor) ->
                            PeftKeys.canonical(file, key).ifPresent(name -> values.put(name, tensor.values())));
            return new AdapterSnapshot(values);
        }

        private void requireWhole(ManifestFile file, AdapterSnapshot adapter) {
            LoraManifest manifest = file.manifest();
            for (String group : manifest.names()) {
                if (file.state().in(GroupState.DORMANT).contains(group)) {
                    continue;
                }
                for (TensorSpec tensor : manifest.tensors(group)) {
                    if (!adapter.contains(tensor.name()) || adapter.view(tensor.name()).length != tensor.size()) {
                        throw foreign("'" + tensor.name() + "' is not in it with shape " + tensor.shape());
                    }
                }
                String written = file.tensorDigests().get(group);
                if (written != null && !written.equals(RunOutput.digest(manifest, group, adapter))) {
                    throw foreign("the values of group '" + group + "' are others");
                }
            }
        }

        private CorruptRunException foreign(String why) {
            return new CorruptRunException(
                    name(RecordedAdapter.FILE), "is not the adapter that " + MANIFEST + " describes: " + why);
        }

        private static List<String> labels(JobConfig job, ManifestFile manifest) {
            if (!manifest.labels().isEmpty() || job.model().task() == Task.REGRESSION) {
                return manifest.labels();
            }
            return job.model()
                    .labels()
                    .orElseThrow(() -> new ModelException(
                            "model.labels",
                            "manifest.json does not say which labels the head's outputs mean: it was written by an"
                                    + " earlier build, and the job left them to the data; train again"));
        }

        private HostDirectory base(JobConfig job, Optional<String> given) {
            if (given.isPresent()) {
                HostDirectory base = HostDirectory.model("--base", given.get());
                if (!Files.isDirectory(base.here())) {
                    throw new ModelException("model.base", "--base " + given.get()
                            + " is no directory; give the Hugging Face directory that the run was trained on");
                }
                return base;
            }
            HostDirectory base = HostDirectory.model("model.path", job.model().path());
            if (!Files.isDirectory(base.here())) {
                throw new ModelException("model.base", "the base model of the run in " + run.location() + " is not in " + base.here()
                        + " any more; say where it is now with --base DIR");
            }
            return base;
        }

        private void requireSame(Path base, String trainedOn) {
            String found = BaseModel.sha256(base);
            if (!found.equals(trainedOn)) {
                throw new ModelException("model.base_changed", base + " is not the base model that the run in " + run.location()
                        + " was trained on: its weights have sha256 " + found + ", and " + MANIFEST
                        + " states " + trainedOn + "; give the run's own with --base DIR");
            }
        }

        private String text(String file) throws IOException {
            return new String(bytes(file), StandardCharsets.UTF_8);
        }

        /** A file that has to be there. */
        private byte[] bytes(String file) throws IOException {
            if (!run.exists(file)) {
                throw new CorruptRunException(name(file), "is missing");
            }
            return run.read(file);
        }

        private String name(String file) {
            return run.location() + "/" + file;
        }
    }
}
