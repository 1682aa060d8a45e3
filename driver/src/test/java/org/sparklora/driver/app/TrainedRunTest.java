package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.driver.training.UsageException;
import org.sparklora.driver.watch.verify.CorruptRunException;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ModelException;

class TrainedRunTest {

    @TempDir
    private static Path shared;

    private static SmallJob job;

    @TempDir
    private Path folder;

    @BeforeAll
    static void train() {
        job = new SmallJob(shared);
        TrainingJob.Ended ended = job.train("training.num_train_epochs=1", "schedule.events=[]");
        assertThat(ended.code()).as(ended.err()).isZero();
    }

    /** A copy of the run, to be damaged. */
    private Path run() throws IOException {
        Path run = folder.resolve("run");
        try (Stream<Path> files = Files.walk(job.output())) {
            for (Path file : files.toList()) {
                Files.copy(file, run.resolve(job.output().relativize(file).toString()));
            }
        }
        return run;
    }

    private static void edit(Path file, String from, String to) throws IOException {
        String text = Files.readString(file);
        assertThat(text).contains(from);
        Files.writeString(file, text.replace(from, to));
    }

    private static TrainedRun open(Path run) {
        return TrainedRun.read(run.toString(), Optional.empty());
    }

    @Test
    void readsTheFilesOfARun() {
        TrainedRun run = open(job.output());
        assertThat(run.labels()).containsExactly("no", "yes");
        assertThat(run.base()).isEqualTo(job.model());
        assertThat(run.job().lora().groups()).containsOnlyKeys("bottom", "top");
        assertThat(run.manifest().state().in(GroupState.DORMANT)).containsExactly("bottom");
        assertThat(run.adapter().names())
                .containsExactly(
                        "bert.encoder.layer.1.attention.self.query.lora_A.weight",
                        "bert.encoder.layer.1.attention.self.query.lora_B.weight",
                        "bert.encoder.layer.1.attention.self.value.lora_A.weight",
                        "bert.encoder.layer.1.attention.self.value.lora_B.weight",
                        "classifier.bias",
                        "classifier.weight");
    }

    @Test
    void learnedLabelsComeFromTheManifestAndThoseOfOldRunsFromTheJob() throws IOException {
        Path run = run();
        edit(run.resolve("manifest.json"), "\"labels\" : [", "\"former\" : [");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(run + "/manifest.json")
                .hasMessageContaining("labels");
        edit(run.resolve("config.yaml"), "labels: null", "labels: [not, sure]");
        assertThat(open(run).labels()).containsExactly("not", "sure");
    }

    @Test
    void aMovedBaseModelIsGivenByOption() throws IOException {
        Path run = run();
        Path moved = Files.createDirectory(folder.resolve("moved"));
        try (Stream<Path> files = Files.list(job.model())) {
            for (Path file : files.toList()) {
                Files.copy(file, moved.resolve(file.getFileName()));
            }
        }
        assertThat(TrainedRun.read(run.toString(), Optional.of(moved.toString()))
                        .base())
                .isEqualTo(moved);

        edit(
                run.resolve("config.yaml"),
                job.model().toString(),
                folder.resolve("gone").toString());
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining(run.toString())
                .hasMessageContaining(folder.resolve("gone").toString())
                .hasMessageContaining("--base DIR");
        assertThat(TrainedRun.read(run.toString(), Optional.of(moved.toString()))
                        .base())
                .isEqualTo(moved);

        assertThatThrownBy(() -> TrainedRun.read(
                        run.toString(), Optional.of(folder.resolve("gone").toString())))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("--base " + folder.resolve("gone"));
    }

    @Test
    void anotherBaseModelIsRefused() {
        Path other = TrainingJob.TINY_MODEL;
        assertThatThrownBy(() -> TrainedRun.read(job.output().toString(), Optional.of(other.toString())))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(
                        other.toString(), job.output().toString(), BaseModel.sha256(other), "--base DIR");
    }

    @Test
    void missingAndUnfinishedRunsAreRefused() throws IOException {
        assertThatThrownBy(() -> open(folder))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll(folder.toString(), "[usage.run-missing]");

        Path run = run();
        Files.writeString(run.resolve("status.json"), "{\"state\":\"failed\",\"exit_code\":3,\"message\":\"row 7\"}");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(UsageException.class)
                .hasMessageContainingAll(run.toString(), "failed: row 7", "--resume", "[usage.run-unfinished]");
        Files.writeString(run.resolve("status.json"), "{\"state\":\"running\"}");
        assertThatThrownBy(() -> open(run)).hasMessageContainingAll("running", "[usage.run-unfinished]");
        Files.delete(run.resolve("status.json"));
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(run + "/status.json", "[run.missing]");
    }

    @Test
    void changedAndMissingFilesAreRefused() throws IOException {
        Path run = run();
        Path adapter = run.resolve("adapter/adapter_model.safetensors");
        SmallJob.changeTensors(adapter, tensors -> tensors.remove(tensors.firstKey()));
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(adapter.toString(), "[run.adapter-changed]");

        // Without the digest in status.json, the manifest shows that a tensor is missing.
        Files.writeString(run.resolve("status.json"), "{\"state\":\"finished\"}");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll("manifest.json", "'bert.encoder.layer.1.attention.self.query.lora_A.weight'");

        Files.delete(adapter);
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(adapter.toString(), "[run.missing]");
        edit(run.resolve("manifest.json"), "self.query", "self.key");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContaining("manifest.json");
    }
}
