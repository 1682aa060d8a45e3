package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs with and without an activation cache, as layer 9 comes and goes. */
class ActivationCacheRunTest {

    @TempDir
    private Path folder;

    private Path job;
    private String said = "";

    @BeforeEach
    void writeJob() throws IOException {
        Path data = TrainingJob.sixtyRows(folder);
        job = Files.writeString(folder.resolve("job.yaml"), TrainingJob.format("""
                seed: 9
                model: {path: "%s", max_length: 32}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  r: 4
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    middle: {target_modules: [query, value], layers_to_transform: [9]}
                schedule:
                  live: [top]
                  events:
                    - {epoch: 2, thaw: [middle]}
                    - {epoch: 3, freeze: [middle]}
                training: {num_train_epochs: 4, batch_size: 8, shards: 4, learning_rate: 0.005}
                execution: {base_dropout: 0.1, head_dropout: 0.1, exchange: driver}
                """, TrainingJob.TINY_MODEL, data));
    }

    private Path train(String name, String master, String... overrides) {
        Path output = folder.resolve(name);
        TrainingJob.Ended ended = TrainingJob.train(master, job, output, overrides);
        assertThat(ended.code()).as(ended.err()).isZero();
        said = ended.err();
        return output;
    }

    private static String adapter(Path output) {
        return TrainingJob.status(output).get("adapter_sha256").asText();
    }

    private static List<Double> losses(Path output) {
        return TrainingJob.events(output, "step").stream()
                .map(step -> step.get("loss").asDouble())
                .toList();
    }

    @Test
    void theClusterChangesNoBit() {
        Path one = train("one", "local[1]");
        Path disk = train("disk", "local[3]", "execution.activation_cache=disk", "execution.exchange=peer");
        Path memory = train("memory", "local[2]", "execution.activation_cache=memory");
        assertThat(adapter(disk)).isEqualTo(adapter(one));
        assertThat(adapter(memory)).isEqualTo(adapter(one));
        assertThat(TrainingJob.run("local[1]", "verify", one.toString(), disk.toString())
                        .out())
                .startsWith("same: ");
        List<JsonNode> ends = new ArrayList<>(TrainingJob.events(disk, "epoch_end"));
        ends.addAll(TrainingJob.events(one, "epoch_end"));
        assertThat(ends)
                .hasSize(2 * TrainingJob.events(one, "epoch_end").size())
                .allSatisfy(epoch -> {
                    double passes = epoch.at("/seconds/forward_backward").asDouble();
                    assertThat(passes)
                            .isPositive()
                            .isLessThanOrEqualTo(epoch.at("/seconds/train").asDouble());
                    for (String part : List.of("data", "prefix", "forward", "backward", "exchange", "optimizer")) {
                        assertThat(epoch.path("seconds").path(part).asDouble())
                                .as(part)
                                .isPositive();
                    }
                });
        assertThat(TrainingJob.events(disk, "kept"))
                .extracting(e -> e.get("storage").asText())
                .containsOnly("disk");
        assertThat(TrainingJob.events(memory, "kept"))
                .extracting(e -> e.get("storage").asText())
                .containsOnly("memory");
    }

    @Test
    void thePrefixRunsOnceForEachStageThatItEnds() {
        Path output = train("run", "local[2]");
        List<JsonNode> kept = TrainingJob.events(output, "kept");
        assertThat(kept)
                .extracting(
                        e -> e.get("epoch").asInt() + " " + e.get("entering").asText())
                .containsExactly("0 layer 11", "2 layer 9", "3 layer 11");
        assertThat(kept).allSatisfy(e -> {
            assertThat(e.get("rows").asInt()).isEqualTo(60);
            assertThat(e.get("bytes").asInt())
                    .isEqualTo(kept.get(0).get("bytes").asInt())
                    .isPositive();
            assertThat(e.get("activation_cache_type").asText()).isEqualTo("float32");
        });
        assertThat(TrainingJob.events(output, "epoch_start"))
                .extracting(e -> e.get("activation_cache").asText())
                .containsExactly(
                        "on: nothing below layer 11 trains",
                        "on: nothing below layer 11 trains",
                        "on: nothing below layer 9 trains",
                        "on: nothing below layer 11 trains");
        assertThat(said)
                .containsPattern(
                        "epoch 2/4 caching activations below layer 9 for 60 rows: \\S+ kB of float32 in memory")
                .containsPattern("epoch 2/4 cached activations in \\S+ s");
        assertThat(TrainingJob.events(output, "run")
                        .get(0)
                        .at("/choices/activation_cache")
                        .asText())
                .startsWith("on: ");
    }

    @Test
    void withoutItTheNumbersAreThoseWithinRounding() {
        Path on = train("on", "local[2]");
        Path off = train("off", "local[2]", "execution.activation_cache=off");
        Path half = train("half", "local[2]", "execution.activation_cache_type=float16");
        assertThat(TrainingJob.events(off, "kept")).isEmpty();
        assertThat(TrainingJob.events(off, "epoch_start")
                        .get(0)
                        .get("activation_cache")
                        .asText())
                .isEqualTo("off: execution.activation_cache says so");
        assertThat(losses(on)).hasSize(24);
        for (int step = 0; step < 24; step++) {
            assertThat(losses(on).get(step)).isCloseTo(losses(off).get(step), within(2e-5));
            assertThat(losses(half).get(step)).isCloseTo(losses(off).get(step), within(5e-3));
        }
        assertThat(adapter(half)).isNotEqualTo(adapter(on));
    }

    @Test
    void anEpochWithinWhichGroupsMoveKeepsNothing() {
        Path output = train(
                "run",
                "local[2]",
                "schedule.events=[{epoch: 1, step: 3, thaw: [middle]}]",
                "training.num_train_epochs=3");
        assertThat(TrainingJob.events(output, "epoch_start"))
                .extracting(e -> e.get("activation_cache").asText())
                .containsExactly(
                        "on: nothing below layer 11 trains",
                        "off: groups may move within the epoch",
                        "on: nothing below layer 9 trains");
    }

    @Test
    void aRunThatGoesOnKeepsItAgain() {
        String constant = "training.lr_scheduler_type=constant";
        Path straight = train("straight", "local[2]", constant);
        Path resumed = train("resumed", "local[2]", constant, "training.num_train_epochs=1");
        TrainingJob.Ended ended = TrainingJob.run(
                "local[1]",
                "train",
                "--resume",
                "--config",
                job.toString(),
                "--output",
                resumed.toString(),
                "--set",
                constant);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(adapter(resumed)).isEqualTo(adapter(straight));
        assertThat(TrainingJob.events(resumed, "kept"))
                .extracting(e -> e.get("epoch").asInt())
                .containsExactly(0, 1, 2, 3);
    }
}
