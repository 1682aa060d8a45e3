package org.sparklora.driver.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ModelConfig;
import org.sparklora.driver.job.manifest.ManifestDigest;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.inference.TrainedModel;

/**
 * What a finished run is to whoever predicts with it: its model, its labels, and those files of its directory that it can be
 * read from again, which are a few MB at most.
 */
public final class TrainedRun {

    private final FinishedRun run;
    private final SortedMap<String, byte[]> files;

    private TrainedRun(FinishedRun run, SortedMap<String, byte[]> files) {
        this.run = run;
        this.files = files;
    }

    /**
     * Reads and checks a run directory.
     *
     * @param location path or URI
     * @param base path or URI of the base model now, if it is not where it lay
     */
    public static TrainedRun read(String location, Optional<String> base) {
        RunDirectory directory = RunOutput.directory(location);
        FinishedRun run = FinishedRun.open(directory, base);
        SortedMap<String, byte[]> files = new TreeMap<>();
        try {
            for (String name : List.of("config.yaml", "manifest.json", RunStatus.FILE)) {
                files.put(name, directory.read(name));
            }
            for (String name : directory.list("adapter")) {
                files.put("adapter/" + name, directory.read("adapter/" + name));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(location + " cannot be read", e);
        }
        return new TrainedRun(run, files);
    }

    /** Writes the files to another directory, from which {@link #read} reads the same. */
    public void write(String location) {
        RunDirectory directory = RunOutput.directory(location);
        try {
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                directory.write(file.getKey(), file.getValue());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(location + " cannot be written", e);
        }
    }

    /** The job that trained it. */
    public JobConfig job() {
        return run.job();
    }

    /** Label texts in the order of the head's outputs; empty for regression. */
    public List<String> labels() {
        return run.labels();
    }

    /** Directory of the base model on this host. */
    public Path base() {
        return run.base();
    }

    /** What executors predict with. */
    public TrainedModel model() {
        ModelConfig job = run.job().model();
        BaseModel base = BaseModel.shared(run.base(), JobModel.reading(job.task()));
        return new TrainedModel(
                new TrainedModel.Base(run.baseModel().source(), run.manifest().baseModelSha256()),
                JobRows.head(job.task(), run.labels()),
                new TrainedModel.Adapter(
                        run.manifest().manifest(),
                        run.adapter(),
                        ManifestDigest.sha256(run.manifest().manifest()) + " "
                                + run.adapter().sha256()),
                new TrainedModel.Text(JobModel.tokenizer(run.base(), job, base), job.maxLength()));
    }
}
