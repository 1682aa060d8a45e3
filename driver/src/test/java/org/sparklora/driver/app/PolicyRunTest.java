package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every policy through the command line: the same bits by either exchange, and decisions that can be taken again. */
class PolicyRunTest {

    private static final String GROUPS = """
            top: {target_modules: [query, value], layers_to_transform: [11]}
            middle: {target_modules: [query, value], layers_to_transform: [6]}
            """;
    private static final String BOTTOM = "{target_modules: [query, value], layers_to_transform: [0], r: 2}";

    @TempDir
    private Path folder;

    @BeforeEach
    void writeRows() throws IOException {
        Random random = new Random(8);
        StringBuilder rows = new StringBuilder("text,label\n");
        for (int i = 0; i < 48; i++) {
            boolean yes = random.nextBoolean();
            rows.append(yes ? "love the plot tok" : "hate the end tok").append(random.nextInt(60));
            rows.append(yes ? ",yes\n" : ",no\n");
        }
        Files.writeString(folder.resolve("train.csv"), rows);
    }

    /** A job of 5 epochs with 5 steps each. */
    private Path job(String name, String groups, String schedule) throws IOException {
        return Files.writeString(
                folder.resolve(name + ".yaml"),
                TrainingJob.format(
                        """
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  r: 4
                  groups:
                %s
                schedule: %s
                training: {num_train_epochs: 5, batch_size: 8, shards: 2, learning_rate: 0.005, lr_scheduler_type: constant}
                """, TrainingJob.TINY_MODEL, folder.resolve("train.csv"), groups.indent(4), schedule));
    }

    private Path train(String name, Path job, String... overrides) {
        Path output = folder.resolve(name);
        TrainingJob.Ended ended = TrainingJob.train("local[2]", job, output, overrides);
        assertThat(ended.code()).as(ended.err()).isZero();
        return output;
    }

    private static byte[] adapter(Path run) throws IOException {
        return Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"));
    }

    private static void replays(Path run) {
        TrainingJob.Ended ended = TrainingJob.run("none", "replay", run.toString());
        assertThat(ended.code()).as(ended.out() + ended.err()).isZero();
        assertThat(ended.out()).startsWith("same: ");
    }

    private static List<String> moves(Path run) throws IOException {
        List<String> moves = new ArrayList<>();
        for (String kind : List.of("thaw", "freeze")) {
            for (JsonNode move : TrainingJob.events(run, kind)) {
                moves.add(kind + " " + move.get("group").asText() + " " + move.get("epoch") + "."
                        + move.path("epoch_step").asInt(0));
            }
        }
        return moves;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{policy: gradual, live: [top], groups: [top, middle, bottom], every: 2}",
                "{policy: plateau, live: [top], groups: [top, middle, bottom], metric: accuracy, patience: 1, restore_best: true}",
                "{policy: lisa, live: [], groups: [top, middle, bottom], sample: 1, period: 3}",
                "{policy: autofreeze, live: [top, middle, bottom], groups: [top, middle, bottom], percentile: 100}",
                "{live: [top], events: [{epoch: 1, step: 3, thaw: [bottom]}, {epoch: 3, step: 1, freeze: [bottom, top]}]}",
            })
    void bothExchangesAndAResumedRunDecideAndComputeTheSame(String schedule) throws IOException {
        Path job = job("job", GROUPS + "bottom: " + BOTTOM, schedule);
        Path driver = train("driver", job, "execution.exchange=driver");
        Path peer = train("peer", job, "execution.exchange=peer", "execution.checkpoint_every=4");
        assertThat(adapter(peer)).isEqualTo(adapter(driver));
        assertThat(moves(peer)).isEqualTo(moves(driver));
        replays(driver);

        Path shorter = train("resumed", job, "training.num_train_epochs=2", "execution.exchange=peer");
        TrainingJob.Ended rest = TrainingJob.run(
                "local[1]", "train", "--config", job.toString(), "--output", shorter.toString(), "--resume");
        assertThat(rest.code()).as(rest.err()).isZero();
        assertThat(adapter(shorter)).isEqualTo(adapter(driver));
        replays(shorter);
    }

    @Test
    void aGroupThatAnEventAddsIsAsIfItHadBeenDormantFromTheStart() throws IOException {
        Path added = train(
                "added",
                job(
                        "added",
                        GROUPS,
                        "{live: [top], events: [{epoch: 2, step: 2, add: {bottom: " + BOTTOM + "}, thaw: [bottom]}]}"));
        Path declared = train(
                "declared",
                job(
                        "declared",
                        GROUPS + "bottom: " + BOTTOM,
                        "{live: [top], events: [{epoch: 2, step: 2, thaw: [bottom]}]}"));
        assertThat(adapter(added)).isEqualTo(adapter(declared));
        assertThat(Files.readString(added.resolve("manifest.json")))
                .isEqualTo(Files.readString(declared.resolve("manifest.json")));
        JsonNode event = TrainingJob.events(added, "add").get(0);
        assertThat(event.get("epoch").asInt()).isEqualTo(2);
        assertThat(event.get("group").asText()).isEqualTo("bottom");
        assertThat(TrainingJob.events(declared, "add")).isEmpty();
        replays(added);
    }

    @Test
    void aGroupAddedWhenTheRunGoesOnIsAsIfItHadBeenDormantFromTheStart() throws IOException {
        Path whole = job("whole", GROUPS + "bottom: " + BOTTOM, "{live: [top], events: [{epoch: 3, thaw: [bottom]}]}");
        Path fromStart = train("whole", whole);
        Path grown = train("grown", job("short", GROUPS, "{live: [top]}"), "training.num_train_epochs=2");
        TrainingJob.Ended rest = TrainingJob.run(
                "local[2]", "train", "--config", whole.toString(), "--output", grown.toString(), "--resume");
        assertThat(rest.code()).as(rest.err()).isZero();
        assertThat(adapter(grown)).isEqualTo(adapter(fromStart));
        assertThat(TrainingJob.events(grown, "add").get(0).get("group").asText())
                .isEqualTo("bottom");
        replays(grown);
    }

    @Test
    void gradualTrainsDeeperGroupsMoreSlowly() throws IOException {
        Path run = train(
                "gradual",
                job(
                        "gradual",
                        GROUPS + "bottom: " + BOTTOM,
                        "{policy: gradual, live: [top], groups: [top, middle, bottom], learning_rate_decay: 2}"));
        List<JsonNode> steps = TrainingJob.events(run, "step");
        assertThat(steps.get(steps.size() - 1).get("learning_rate"))
                .hasToString("{\"bottom\":0.00125,\"head\":0.005,\"middle\":0.0025,\"top\":0.005}");
    }

    @Test
    void aRecordThatThePolicyWouldNotMakeIsReported() throws IOException {
        Path run = train(
                "run",
                job("job", GROUPS, "{policy: gradual, live: [top], groups: [top, middle]}"),
                "training.num_train_epochs=3");
        Path history = run.resolve("history.jsonl");
        String text = Files.readString(history);
        List<String> without = text.lines()
                .filter(line -> !line.contains("\"event\":\"thaw\""))
                .toList();
        Files.writeString(history, String.join("\n", without) + "\n");
        TrainingJob.Ended ended = TrainingJob.run("none", "replay", run.toString());
        assertThat(ended.code()).isEqualTo(8);
        assertThat(ended.out())
                .startsWith("different: before epoch 1: ")
                .contains("thaw middle (gradual: ")
                .hasLineCount(1);
        assertThat(TrainingJob.run("none", "replay", folder.toString()).code()).isEqualTo(2);
    }

    @Test
    void anEventThatIsNeverReachedIsAWarning() throws IOException {
        Path job = job("job", GROUPS, "{live: [top], events: [{epoch: 1, step: 99, thaw: [middle]}]}");
        TrainingJob.Ended ended =
                TrainingJob.train("local[2]", job, folder.resolve("run"), "training.num_train_epochs=2");
        assertThat(ended.code()).isZero();
        assertThat(ended.err()).contains("job: warning: ").contains("schedule.events[0]");
    }
}
