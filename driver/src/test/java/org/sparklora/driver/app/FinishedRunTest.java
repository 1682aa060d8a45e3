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
import org.sparklora.driver.training.FinishedRun;
import org.sparklora.driver.training.UsageException;
import org.sparklora.driver.watch.verify.CorruptRunException;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.encoder.ModelException;

class FinishedRunTest {

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

    private static FinishedRun open(Path run) {
        return FinishedRun.open(run, Optional.empty());
    }

    @Test
    void readsWhatTheRunLeft() {
        FinishedRun run = open(job.output());
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
    void learntLabelsAreInTheManifestAndRowsOfOldRunsHaveThoseOfTheJob() throws IOException {
        Path run = run();
        edit(run.resolve("manifest.json"), "\"labels\" : [", "\"former\" : [");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(ModelException.class)
                .hasMessage("manifest.json does not say which labels the head's outputs mean: it was written by an"
                        + " earlier build, and the job left them to the data; train again");
        edit(run.resolve("config.yaml"), "labels: null", "labels: [not, sure]");
        assertThat(open(run).labels()).containsExactly("not", "sure");
    }

    @Test
    void aBaseThatMovedIsFoundByName() throws IOException {
        Path run = run();
        Path moved = Files.createDirectory(folder.resolve("moved"));
        try (Stream<Path> files = Files.list(job.model())) {
            for (Path file : files.toList()) {
                Files.copy(file, moved.resolve(file.getFileName()));
            }
        }
        assertThat(FinishedRun.open(run, Optional.of(moved.toString())).base()).isEqualTo(moved);

        edit(
                run.resolve("config.yaml"),
                job.model().toString(),
                folder.resolve("gone").toString());
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(ModelException.class)
                .hasMessage("the base model of the run in " + run + " is not in " + folder.resolve("gone")
                        + " any more; say where it is now with --base DIR");
        assertThat(FinishedRun.open(run, Optional.of(moved.toString())).base()).isEqualTo(moved);

        assertThatThrownBy(() ->
                        FinishedRun.open(run, Optional.of(folder.resolve("gone").toString())))
                .isInstanceOf(ModelException.class)
                .hasMessage("--base " + folder.resolve("gone")
                        + " is no directory; give the Hugging Face directory that the run was trained on");
    }

    @Test
    void anotherBaseIsRefused() {
        Path other = TrainingJob.TINY_MODEL;
        assertThatThrownBy(() -> FinishedRun.open(job.output(), Optional.of(other.toString())))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith(other + " is not the base model that the run in " + job.output()
                        + " was trained on: its weights have sha256 ")
                .hasMessageEndingWith("; give the run's own with --base DIR");
    }

    @Test
    void noRunAndAnUnfinishedOneAreRefused() throws IOException {
        assertThatThrownBy(() -> open(folder))
                .isInstanceOf(UsageException.class)
                .hasMessage(folder + " holds no run: there is neither history.jsonl nor status.json; check the path of"
                        + " --run");

        Path run = run();
        Files.writeString(run.resolve("status.json"), "{\"state\":\"failed\",\"exit_code\":3,\"message\":\"row 7\"}");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(UsageException.class)
                .hasMessage(
                        "the run in " + run + " has not finished and has no adapter (it failed: row 7); go on with it"
                                + " by train --resume, or give another --run");
        Files.writeString(run.resolve("status.json"), "{\"state\":\"running\"}");
        assertThatThrownBy(() -> open(run)).hasMessageContaining("(it is under way, or its process was killed)");
        Files.delete(run.resolve("status.json"));
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(run + "/status.json", "[run.missing]");
    }

    @Test
    void filesThatAreNotTheRunsOwnAreRefused() throws IOException {
        Path run = run();
        Path adapter = run.resolve("adapter/adapter_model.safetensors");
        SmallJob.changeTensors(adapter, tensors -> tensors.remove(tensors.firstKey()));
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(adapter.toString(), "[run.adapter_changed]");

        // Without the digest in the status the manifest still knows.
        Files.writeString(run.resolve("status.json"), "{\"state\":\"finished\"}");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContaining("is not the adapter that manifest.json describes: "
                        + "'bert.encoder.layer.1.attention.self.query.lora_A.weight' is not in it");

        Files.delete(adapter);
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(adapter.toString(), "[run.missing]");
        edit(run.resolve("manifest.json"), "self.query", "self.key");
        assertThatThrownBy(() -> open(run))
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContaining("manifest.json was changed after it was written");
    }
}
