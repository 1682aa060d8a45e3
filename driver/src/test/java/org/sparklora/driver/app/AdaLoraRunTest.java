package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** AdaLoRA through the command line: ranks that change are planned, recorded, replayed, saved and resumed. */
class AdaLoraRunTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Eight steps; ranks change after the steps 2 to 6. */
    private static final String[] SETTINGS = {
        "lora.peft_type=ADALORA",
        "lora.init_r=4",
        "lora.target_r=2",
        "lora.tinit=1",
        "lora.tfinal=2",
        "schedule.events=[{epoch: 1, thaw: [bottom]}, {epoch: 3, freeze: [bottom]}]",
        "training.num_train_epochs=4",
        "training.learning_rate=0.02",
        "training.lr_scheduler_type=constant",
        "execution.checkpoint_every=3"
    };

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void writeJob() {
        job = new SmallJob(folder);
    }

    private static String[] with(String... more) {
        return Stream.concat(Stream.of(SETTINGS), Stream.of(more)).toArray(String[]::new);
    }

    private Path train(String... more) {
        TrainingJob.Ended ended = job.train(with(more));
        assertThat(ended.code()).as(ended.err()).isZero();
        return job.output();
    }

    private static TrainingJob.Ended ok(String... command) {
        TrainingJob.Ended ended = TrainingJob.run("local[1]", command);
        assertThat(ended.code()).as(ended.err()).isZero();
        return ended;
    }

    private static SortedMap<String, Integer> kept(JsonNode ranks) {
        SortedMap<String, Integer> kept = new TreeMap<>();
        ranks.get("kept")
                .fields()
                .forEachRemaining(e -> kept.put(e.getKey(), e.getValue().asInt()));
        return kept;
    }

    private static byte[] adapter(Path run) throws IOException {
        return Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"));
    }

    @Test
    void ranksThatShrinkAreRecordedSavedAndReplayed() throws IOException {
        Path run = train();
        List<JsonNode> ranks = TrainingJob.events(run, "ranks");
        assertThat(ranks).isNotEmpty();
        assertThat(ranks.get(0).get("step").asInt()).isEqualTo(2);
        JsonNode last = ranks.get(ranks.size() - 1);
        SortedMap<String, Integer> kept = kept(last);
        assertThat(last.get("budget").asInt()).isEqualTo(6);
        assertThat(kept).hasSize(3);
        assertThat(kept.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(6);

        JsonNode config =
                JSON.readTree(run.resolve("adapter/adapter_config.json").toFile());
        assertThat(config.get("peft_type").asText()).isEqualTo("ADALORA");
        assertThat(config.get("total_step").asInt()).isEqualTo(8);
        try (SafetensorsFile saved = SafetensorsFile.open(run.resolve("adapter/adapter_model.safetensors"))) {
            kept.forEach((module, count) -> {
                // A module that keeps nothing is saved with one triplet, whose E is zero.
                int rank = Math.max(1, count);
                int trues = 0;
                for (JsonNode triplet : config.get("rank_pattern").get(module + ".lora_E")) {
                    trues += triplet.asBoolean() ? 1 : 0;
                }
                assertThat(trues).as(module).isEqualTo(rank);
                String prefix = "base_model.model." + module;
                assertThat(saved.tensor(prefix + ".lora_A").shape().get(0)).isEqualTo(rank);
                assertThat(saved.tensor(prefix + ".lora_B").shape().get(1)).isEqualTo(rank);
                assertThat(saved.tensor(prefix + ".lora_E").shape()).containsExactly(rank, 1);
            });
        }
        ManifestJson.read(Files.readString(run.resolve("manifest.json"))).manifest().groups().stream()
                .flatMap(group -> group.modules().stream())
                .forEach(module -> assertThat(module.loraRank())
                        .isEqualTo(Math.max(1, Objects.requireNonNull(kept.get(module.path())))));

        assertThat(ok("replay", run.toString()).out()).contains(ranks.size() + 2 + " of them changes");
        String rows = job.trainCsv().toString();
        ok("evaluate", "--run", run.toString(), "--data", rows);
        ok(
                "predict",
                "--run",
                run.toString(),
                "--input",
                rows,
                "--output",
                folder.resolve("p").toString());
        ok(
                "merge",
                "--run",
                run.toString(),
                "--output",
                folder.resolve("merged").toString());
        ok("export", "--run", run.toString(), "--output", folder.resolve("ts").toString(), "--format", "torchscript");

        Path history = run.resolve("history.jsonl");
        String text = Files.readString(history);
        String event = "\"step\":" + last.get("step") + ",\"budget\":6";
        assertThat(text).containsOnlyOnce(event);
        Files.writeString(history, text.replace(event, event.replace(":6", ":7")));
        TrainingJob.Ended changed = TrainingJob.run("none", "replay", run.toString());
        assertThat(changed.code()).isEqualTo(8);
        assertThat(changed.out()).contains("rank budget of 7", "rank budget of 6");
    }

    @ParameterizedTest
    @CsvSource({"local[1], driver", "local[2], peer"})
    void coresAndExchangesGiveTheSameBits(String master, String exchange) throws IOException {
        byte[] bits = adapter(train());
        Path other = folder.resolve("other");
        TrainingJob.Ended ended =
                TrainingJob.train(master, folder.resolve("job.yaml"), other, with("execution.exchange=" + exchange));
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(adapter(other)).isEqualTo(bits);
        assertThat(TrainingJob.events(other, "ranks").stream().map(AdaLoraRunTest::kept))
                .isEqualTo(TrainingJob.events(job.output(), "ranks").stream()
                        .map(AdaLoraRunTest::kept)
                        .toList());
    }

    @Test
    void aDormantGroupChangesNothing() throws IOException {
        byte[] bits = adapter(train());
        train("--overwrite", "lora.groups.idle={target_modules: [key]}");
        assertThat(adapter(job.output())).isEqualTo(bits);
    }

    @ParameterizedTest
    @CsvSource({"1", "2", "3"})
    void aRunThatDiedGoesOnWithTheSameBits(int lost) throws IOException {
        Path run = train();
        byte[] whole = adapter(run);
        List<JsonNode> ranks = TrainingJob.events(run, "ranks");
        List<String> names = new ArrayList<>(new LocalRunDirectory(run).list("checkpoints"));
        names.sort(null);
        for (String name : names.subList(names.size() - lost, names.size())) {
            new LocalRunDirectory(run).delete("checkpoints/" + name);
        }
        Files.writeString(run.resolve("status.json"), "{\"state\":\"running\"}\n");
        Path again = train("--resume");
        assertThat(adapter(again)).isEqualTo(whole);
        assertThat(TrainingJob.events(again, "ranks").stream().map(AdaLoraRunTest::kept))
                .isEqualTo(ranks.stream().map(AdaLoraRunTest::kept).toList());
        ok("replay", run.toString());
    }

    @Test
    void thePlanShowsTheBudget() throws IOException {
        List<String> command = new ArrayList<>(
                List.of("plan", "--config", folder.resolve("job.yaml").toString(), "--set", "output=" + job.output()));
        Stream.of(SETTINGS).forEach(setting -> command.addAll(List.of("--set", setting)));
        assertThat(ok(command.toArray(String[]::new)).out())
                .contains("triplets that AdaLoRA keeps after each epoch: 8, 7, 6, 6");
        command.add("--json");
        JsonNode plan = JSON.readTree(ok(command.toArray(String[]::new)).out());
        assertThat(plan.at("/timelines/0/epochs/1/rank_budget").asInt()).isEqualTo(7);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "lora.r=5 | manifest.rank.invalid | init_r",
                "lora.groups.top.r=2 | manifest.rank.invalid | lora_alpha",
                "lora.groups.top.lora_alpha=3 | manifest.rank.invalid | lora_alpha",
                "lora.use_rslora=true | manifest.rank.invalid | use_rslora",
                "lora.target_r=5 | manifest.rank.invalid | target_r=5",
                "lora.use_dora=true | config.value.conflict | use_dora",
                "schedule.policy=lisa | config.value.conflict | ADALORA",
                "lora.peft_type=LORA | config.value.conflict | lora.tinit needs peft_type: ADALORA",
            })
    void refusesWhatDoesNotGoWithIt(String change, String code, String fact) {
        TrainingJob.Ended ended = job.trainWithoutSpark(with(change));
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err()).contains("[" + code + "]", fact);
    }

    @Test
    void refusesPhasesWithoutAnAllocationAndMoreEpochs() {
        TrainingJob.Ended ended = job.train(with("lora.tinit=6"));
        job.refused(ended, ExitCode.USAGE, "lora.tinit=6", "lora.tfinal=2", "8 steps", "[manifest.rank.invalid]");
        train();
        TrainingJob.Ended longer = job.train(with("--resume", "training.num_train_epochs=5"));
        assertThat(longer.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(longer.err()).contains("num_train_epochs: 4 → 5", "peft_type: LORA", "[usage.resume-job-changed]");
    }
}
