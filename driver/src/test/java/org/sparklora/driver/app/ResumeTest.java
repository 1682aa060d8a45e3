package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.app.TrainingJob.Ended;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.machine.Machine;

/**
 * {@code train --resume} through the command line. The job runs to epochs 1, 2, 3 and 4, each time going on with the
 * run before, on another number of cores; {@code stageN} is a copy of the run directory after N epochs. Taking the newest
 * checkpoints out of a copy leaves what a process that died there would have left, with a history that is further on.
 */
class ResumeTest {

    private static final int EPOCHS = 4;
    private static final String[] WORDS = {"great", "bad", "plot", "love", "hate", "very", "end", "movie"};

    @TempDir
    private static Path stages;

    private static Path job;
    private static Path whole;

    @TempDir
    private Path folder;

    /** 43 rows: 9 held out, 34 of them in 4 steps an epoch. */
    @BeforeAll
    static void trainOnceInOneGoAndOnceInFour() throws IOException {
        StringBuilder rows = new StringBuilder("text,label\n");
        for (int i = 0; i < 43; i++) {
            for (int w = 0; w <= i % 6; w++) {
                rows.append(WORDS[(i * 5 + w * 3) % WORDS.length]).append(' ');
            }
            rows.append(i % 3 == 0 ? ",yes\n" : ",no\n");
        }
        Files.writeString(stages.resolve("train.csv"), rows);
        job = Files.writeString(
                stages.resolve("job.yaml"),
                String.format(Locale.ROOT, """
                seed: 3
                model: {path: "%s", max_length: 32}
                data:
                  train: {path: "%s"}
                  validation: {fraction: 0.2}
                lora:
                  r: 4
                  lora_alpha: 8
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11], purpose: top}
                    bottom: {target_modules: [query, value], layers_to_transform: [0], warmup_steps: 6}
                    spare: {target_modules: [key], layers_to_transform: [7]}
                schedule:
                  live: [top]
                  events:
                    - {epoch: 1, thaw: [bottom]}
                    - {epoch: 2, freeze: [bottom]}
                    - {epoch: 3, thaw: [bottom], optimizer_state: decay}
                training:
                  {num_train_epochs: 4, batch_size: 10, shards: 4, learning_rate: 0.005, lr_scheduler_type: constant,
                   load_best_model_at_end: true, metric_for_best_model: loss}
                execution: {base_dropout: 0.1, head_dropout: 0.1, checkpoint_every: 3}
                """, TrainingJob.TINY_MODEL, stages.resolve("train.csv")));
        whole = stages.resolve("whole");
        ok(TrainingJob.train("local[2]", job, whole));
        Path inFour = stages.resolve("inFour");
        for (int epochs = 1; epochs <= EPOCHS; epochs++) {
            ok(resume("local[" + (1 + epochs % 3) + "]", inFour, "training.num_train_epochs=" + epochs));
            copy(inFour, stages.resolve("stage" + epochs));
        }
    }

    private static Ended resume(String master, Path output, String... overrides) {
        List<String> args = new ArrayList<>(
                List.of("train", "--resume", "--config", job.toString(), "--output", output.toString()));
        Arrays.stream(overrides).forEach(o -> args.addAll(List.of("--set", o)));
        return TrainingJob.run(master, args.toArray(String[]::new));
    }

    private static Ended ok(Ended ended) {
        assertThat(ended.code()).as(ended.err()).isZero();
        return ended;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path path : all.toList()) {
                Path target = to.resolve(from.relativize(path));
                if (Files.isDirectory(path)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(path, target);
                }
            }
        }
    }

    /** A copy of a stage whose newest checkpoints are missing and whose process was killed. */
    private Path died(int stage, int checkpointsLost) throws IOException {
        Path run = folder.resolve("run");
        copy(stages.resolve("stage" + stage), run);
        List<String> names = checkpoints(run);
        for (String name : names.subList(names.size() - checkpointsLost, names.size())) {
            new LocalRunDirectory(run).delete("checkpoints/" + name);
        }
        Files.writeString(run.resolve("status.json"), "{\"state\":\"running\"}\n");
        return run;
    }

    private static List<String> checkpoints(Path run) {
        return List.copyOf(new LocalRunDirectory(run).list("checkpoints"));
    }

    /** Events of these kinds in order, without what a clock put in. */
    private static List<JsonNode> story(Path run) {
        List<JsonNode> events = new ArrayList<>();
        for (String kind : List.of("epoch_start", "thaw", "freeze", "add", "step", "epoch_end")) {
            for (JsonNode event : TrainingJob.events(run, kind)) {
                ((ObjectNode) event).remove(List.of("time", "seconds"));
                events.add(event);
            }
        }
        return events;
    }

    private static void assertSameRun(Path run, Path wanted) throws IOException {
        assertThat(run.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(wanted.resolve("adapter/adapter_model.safetensors"));
        assertThat(story(run)).isEqualTo(story(wanted));
        assertThat(TrainingJob.events(run, "finished")).hasSize(1);
        assertThat(TrainingJob.status(run)).isEqualTo(TrainingJob.status(wanted));
        assertThat(run.resolve("manifest.json")).hasSameTextualContentAs(wanted.resolve("manifest.json"));
    }

    @Test
    void aRunInFourPiecesIsTheRunInOne() throws IOException {
        Path inFour = stages.resolve("stage4");
        assertSameRun(inFour, whole);
        assertThat(TrainingJob.events(inFour, "run")).hasSize(4);
        assertThat(TrainingJob.events(inFour, "step")).hasSize(16);
        assertThat(checkpoints(whole)).contains("epoch-00004", "epoch-00003-step-00000015", "epoch-00003");
        assertThat(checkpoints(stages.resolve("stage1"))).containsExactly("epoch-00000-step-00000003", "epoch-00001");
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, epoch-00000-step-00000003",
        "2, 1, epoch-00001-step-00000006",
        "3, 1, epoch-00002-step-00000009",
        "4, 1, epoch-00003-step-00000015",
        "4, 2, epoch-00003"
    })
    void aRunThatDiedInMidEpochGoesOnThere(int stage, int lost, String from) throws IOException {
        Path run = died(stage, lost);
        assertThat(checkpoints(run)).last().isEqualTo(from);
        Ended ended = ok(resume("local[2]", run));
        assertThat(ended.err()).contains("checkpoints/" + from).doesNotContain("warning");
        assertSameRun(run, whole);
    }

    @ParameterizedTest
    @ValueSource(strings = {"bit", "short", "no marker", "garbage"})
    void aDamagedNewestCheckpointIsNamedAndTheOneBeforeIsUsed(String damage) throws IOException {
        Path run = died(3, 0);
        Path newest = run.resolve("checkpoints/epoch-00003");
        byte[] state = Files.readAllBytes(newest.resolve("state.bin"));
        switch (damage) {
            case "bit" -> {
                state[state.length / 2] ^= 1;
                Files.write(newest.resolve("state.bin"), state);
            }
            case "short" -> Files.write(newest.resolve("state.bin"), Arrays.copyOf(state, state.length - 1));
            case "no marker" -> Files.delete(newest.resolve("checkpoint.json"));
            default -> Files.writeString(newest.resolve("checkpoint.json"), "\0\0");
        }
        Ended ended = ok(resume("local[2]", run));
        assertThat(ended.err())
                .containsPattern("warning: .*checkpoints/epoch-00003")
                .contains("checkpoints/epoch-00002-step-00000009");
        assertSameRun(run, whole);
    }

    @Test
    void withoutAUsableCheckpointItEndsWith7() throws IOException {
        Path run = died(3, 0);
        for (String name : checkpoints(run)) {
            Files.writeString(run.resolve("checkpoints/" + name + "/progress.json"), "{}");
        }
        Ended ended = resume("local[1]", run);
        assertThat(ended.code()).isEqualTo(7);
        assertThat(ended.err().lines()).singleElement().asString().endsWith("[checkpoint.unusable]");
        assertThat(TrainingJob.status(run).get("exit_code").asInt()).isEqualTo(7);
    }

    @Test
    void aFinishedRunHasNothingLeftToDo() throws IOException {
        Path run = folder.resolve("run");
        copy(whole, run);
        Ended ended = ok(resume("local[1]", run, "execution.checkpoint_every=null"));
        assertThat(ended.out())
                .contains("finished already")
                .contains(TrainingJob.status(whole).get("adapter_sha256").asText());
        assertThat(run.resolve("history.jsonl")).hasSameTextualContentAs(whole.resolve("history.jsonl"));
        assertThat(run.resolve("config.yaml")).hasSameTextualContentAs(whole.resolve("config.yaml"));
    }

    @Test
    void aRunThatDiedBeforeItsAdapterWasWrittenGetsIt() throws IOException {
        Path run = died(4, 0);
        new LocalRunDirectory(run).delete("adapter");
        ok(resume("local[1]", run));
        assertSameRun(run, whole);
    }

    @Test
    void aRunThatDiedBeforeItsFirstCheckpointStartsAgain() throws IOException {
        Path run = died(1, 2);
        assertThat(checkpoints(run)).isEmpty();
        Ended ended = ok(resume("local[2]", run));
        assertThat(ended.err()).contains("has no checkpoint; starting from the beginning");
        assertSameRun(run, whole);
        assertThat(TrainingJob.events(run, "run")).hasSize(1);
    }

    @Test
    void aRunOfVersion010GoesOnWithDecayOfEveryTensor() throws IOException {
        String everything = "training.weight_decay_exclude=null";
        String strong = "training.weight_decay=0.5";
        Path wanted = folder.resolve("wanted");
        ok(TrainingJob.train("local[2]", job, wanted, strong, everything));
        Path run = folder.resolve("old");
        ok(TrainingJob.train("local[2]", job, run, strong, everything, "training.num_train_epochs=2"));
        Path config = run.resolve("config.yaml");
        String yaml = Files.readString(config);
        assertThat(yaml).contains("  weight_decay_exclude: null\n");
        // 0.1.0 did not know the key.
        Files.writeString(config, yaml.replace("  weight_decay_exclude: null\n", ""));
        Ended ended = ok(resume("local[2]", run, strong));
        assertThat(ended.err()).contains("training.weight_decay_exclude: null");
        assertSameRun(run, wanted);
        Path excluded = folder.resolve("excluded");
        ok(TrainingJob.train("local[2]", job, excluded, strong));
        assertThat(Files.mismatch(
                        excluded.resolve("adapter/adapter_model.safetensors"),
                        wanted.resolve("adapter/adapter_model.safetensors")))
                .as("the bias of the head does not decay in new runs")
                .isNotNegative();
        Ended changed = resume("local[2]", run, strong, "training.weight_decay_exclude=[]");
        assertThat(changed.code()).isEqualTo(2);
        assertThat(changed.err()).contains("training.weight_decay_exclude: null → []");
    }

    @Test
    void aRunKeepsItsLibraryOfMatrixProducts() throws IOException {
        Path wanted = folder.resolve("wanted");
        ok(TrainingJob.train("local[2]", job, wanted, "execution.kernel=mkl"));
        Path other = folder.resolve("other");
        ok(TrainingJob.train("local[2]", job, other, "execution.kernel=onednn"));
        JsonNode choices = TrainingJob.events(other, "run").get(0).get("choices");
        assertThat(choices.get("kernel").asText()).isEqualTo("onednn");
        assertThat(choices.get("instructions").asText()).isEqualTo(Machine.instructions());
        String adapter = "adapter/adapter_model.safetensors";
        assertThat(Files.mismatch(wanted.resolve(adapter), other.resolve(adapter)))
                .as("the libraries round differently")
                .isNotNegative();

        Path run = folder.resolve("old");
        ok(TrainingJob.train("local[2]", job, run, "execution.kernel=mkl", "training.num_train_epochs=2"));
        Path config = run.resolve("config.yaml");
        String yaml = Files.readString(config);
        assertThat(yaml).contains("  kernel: mkl\n");
        // 0.1.0 did not know the key: it had MKL.
        Files.writeString(config, yaml.replace("  kernel: mkl\n", ""));
        ok(resume("local[2]", run));
        assertSameRun(run, wanted);
        assertThat(TrainedRun.read(run.toString(), Optional.empty())
                        .model()
                        .base()
                        .arithmetic()
                        .kernel())
                .as("predicts with it, too")
                .isEqualTo(Kernel.MKL);
        Ended changed = resume("local[2]", run, "execution.kernel=onednn");
        assertThat(changed.code()).isEqualTo(2);
        assertThat(changed.err()).contains("execution.kernel: mkl → onednn", "--set execution.kernel=mkl");
    }

    @Test
    void aRunOfSoManyStepsEndsThereAndGoesOnFromACheckpointInItsLastEpoch() throws IOException {
        String[] fourteen = {"training.num_train_epochs=null", "training.max_steps=14"};
        Path run = folder.resolve("run");
        ok(TrainingJob.train("local[2]", job, run, fourteen));
        List<JsonNode> steps = story(run).stream()
                .filter(event -> event.path("event").asText().equals("step"))
                .toList();
        assertThat(steps)
                .as("the steps of the longer run")
                .isEqualTo(story(whole).stream()
                        .filter(event -> event.path("event").asText().equals("step"))
                        .limit(14)
                        .toList());
        JsonNode last = TrainingJob.events(run, "epoch_end").get(3);
        double mean = (steps.get(12).get("loss").floatValue()
                        + steps.get(13).get("loss").floatValue())
                / 2.0;
        assertThat(last.get("train_loss").asDouble()).isCloseTo(mean, Offset.offset(1e-6));
        assertThat(last.get("validation").has("loss")).isTrue();
        Path killed = folder.resolve("killed");
        copy(run, killed);
        List<String> names = checkpoints(killed);
        new LocalRunDirectory(killed).delete("checkpoints/" + names.get(names.size() - 1));
        Files.writeString(killed.resolve("status.json"), "{\"state\":\"running\"}\n");
        ok(resume("local[1]", killed, fourteen));
        assertSameRun(killed, run);
        assertThat(ok(resume("local[1]", killed, fourteen)).out()).contains("finished already");
        assertThat(TrainingJob.run("local[1]", "replay", run.toString()).code()).isZero();
    }

    @Test
    void aChangedJobIsRefusedWithAllDifferences() throws IOException {
        Path run = folder.resolve("run");
        copy(stages.resolve("stage2"), run);
        Ended ended =
                resume("local[1]", run, "training.batch_size=16", "training.num_train_epochs=1", "lora.groups.top.r=2");
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err().lines())
                .hasSize(4)
                .allMatch(line -> line.endsWith(" [usage.resume-job-changed]"))
                .anyMatch(line -> line.contains(run + "/config.yaml"))
                .anyMatch(line -> line.startsWith("training.batch_size: 10 → 16 "))
                .anyMatch(line -> line.startsWith("lora.groups.top.r: 4 → 2 "))
                .anyMatch(line -> line.startsWith("training.num_train_epochs: 2 → 1 "));
        assertThat(TrainingJob.status(run)).as("untouched").isEqualTo(TrainingJob.status(stages.resolve("stage2")));
    }

    @Test
    void otherRowsUnderTheSamePathAreRefused() throws IOException {
        Path run = died(1, 0);
        Path rows = stages.resolve("train.csv");
        String before = Files.readString(rows);
        try {
            Files.writeString(rows, before + "one more movie,yes\nand another,no\n");
            Ended ended = resume("local[1]", run);
            assertThat(ended.code()).isEqualTo(2);
            assertThat(ended.err()).containsPattern("\ntraining rows: \\d+ → \\d+ \\[usage.resume-input-changed]\n");
        } finally {
            Files.writeString(rows, before);
        }
    }

    @Test
    void anAddedGroupIsAsIfItHadBeenThereAndADormantOneMayGo() throws IOException {
        String added = "lora.groups.middle={target_modules: [query], layers_to_transform: [5], r: 3}";
        String events = "schedule.events=[{epoch: 1, thaw: [bottom]}, {epoch: 2, freeze: [bottom]},"
                + " {epoch: 3, thaw: [bottom, middle], optimizer_state: decay}]";
        Path fromStart = folder.resolve("fromStart");
        ok(TrainingJob.train("local[2]", job, fromStart, added, events));
        Path run = died(2, 0);
        Path without = Files.writeString(
                folder.resolve("without.yaml"), Files.readString(job).replaceAll("\n *spare: .*", ""));
        ok(TrainingJob.run(
                "local[2]",
                "train",
                "--resume",
                "--config",
                without.toString(),
                "--output",
                run.toString(),
                "--set",
                added,
                "--set",
                events));
        assertThat(run.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(fromStart.resolve("adapter/adapter_model.safetensors"));
        assertThat(TrainingJob.events(run, "add"))
                .singleElement()
                .satisfies(e -> assertThat(e.get("group").asText()).isEqualTo("middle"));
        Ended ended = TrainingJob.run(
                "local[1]", "train", "--resume", "--config", job.toString(), "--output", run.toString());
        assertThat(ended.code()).as("middle has been live by now").isEqualTo(2);
        assertThat(ended.err()).contains("lora.groups.middle: live → (none)");
    }

    @Test
    void resumeAndOverwriteExcludeEachOther() {
        Ended ended = TrainingJob.run(
                "local[1]", "train", "--resume", "--overwrite", "--config", job.toString(), "--output", "x");
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err()).contains("give one of the two");
    }
}
