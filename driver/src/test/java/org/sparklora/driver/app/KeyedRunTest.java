package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry;
import org.sparklora.driver.model.keyed.KeyEntry.Outcome;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyedAdapter;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.worker.contract.Sha256;

/** The adapter of a key is, to the byte, that of {@code train} on the rows of the key alone. */
class KeyedRunTest {

    @TempDir
    private Path folder;

    private final Map<String, List<String>> rows = new LinkedHashMap<>();
    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        rows.put("north", rows(17, 1, "yes", "no"));
        rows.put("süd/…\u00e9", rows(9, 2, "yes", "no", "perhaps"));
        rows.put("null", rows(12, 3, "a", "b"));
        writeRows(rows);
        job = writeJob("job.yaml");
    }

    /** A job with two groups, one of which thaws; with dropout, duplicates of rows, and a last batch that is short. */
    private Path writeJob(String name) throws IOException {
        return Files.writeString(
                folder.resolve(name), TrainingJob.format("""
                seed: 9
                model: {path: "%s", max_length: 16}
                data:
                  train: {path: "%s"}
                lora:
                  r: 4
                  lora_alpha: 8
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    bottom: {target_modules: [query], layers_to_transform: [9], warmup_steps: 3}
                schedule:
                  live: [top]
                  events: [{epoch: 1, thaw: [bottom], freeze: [top]}]
                training: {num_train_epochs: 2, batch_size: 4, learning_rate: 0.005}
                execution: {head_dropout: 0.1}
                """, TrainingJob.TINY_MODEL, folder.resolve("train.csv")));
    }

    private static List<String> rows(int count, int seed, String... labels) {
        Random random = new Random(seed);
        List<String> rows = new ArrayList<>();
        while (rows.size() < count) {
            String label = labels[rows.size() % labels.length];
            String row = "the plot ".repeat(1 + random.nextInt(4)) + "tok" + random.nextInt(80) + "," + label;
            rows.add(row);
            if (rows.size() < count && random.nextInt(4) == 0) {
                rows.add(row);
            }
        }
        return rows;
    }

    private void writeRows(Map<String, List<String>> byKey) throws IOException {
        writeRows(byKey, "text,label,customer\n");
    }

    private void writeRows(Map<String, List<String>> byKey, String header) throws IOException {
        StringBuilder csv = new StringBuilder(header);
        byKey.forEach((key, list) ->
                list.forEach(row -> csv.append(row).append(",\"").append(key).append("\"\n")));
        Files.writeString(folder.resolve("train.csv"), csv);
    }

    private Path trainKeys(String name, String master, String... overrides) {
        return trained(name, master, job, overrides("data.adapter=customer", overrides));
    }

    private static String[] overrides(String first, String... others) {
        return Stream.concat(Stream.of(first), Stream.of(others)).toArray(String[]::new);
    }

    private Path trained(String name, String master, Path file, String... overrides) {
        Path output = folder.resolve(name);
        TrainingJob.Ended ended = TrainingJob.train(master, file, output, overrides);
        assertThat(ended.code()).as(ended.err()).isZero();
        return output;
    }

    /** The digest of {@code train} on the rows of one key. */
    private String alone(String key, String... overrides) throws IOException {
        Path csv = folder.resolve("alone.csv");
        Files.writeString(csv, "text,label\n" + String.join("\n", rows.get(key)) + "\n");
        String[] all = overrides("data.train.path=\"" + csv + "\"", overrides);
        Path output = trained(
                "alone-" + KeyEntry.id(key) + "-" + all.length
                        + Sha256.hex(String.join(" ", all)).substring(0, 8),
                "local[2]",
                job,
                all);
        return TrainingJob.status(output).get("adapter_sha256").asText();
    }

    private static AdapterPack pack(Path output) throws IOException {
        return AdapterPack.find(new LocalRunDirectory(output)).orElseThrow();
    }

    private static KeyEntry entry(Path output, String key) throws IOException {
        return Objects.requireNonNull(pack(output).index().keys().get(key));
    }

    private static SortedMap<String, String> digests(Path output) throws IOException {
        SortedMap<String, String> digests = new TreeMap<>();
        pack(output)
                .index()
                .keys()
                .forEach((key, entry) ->
                        digests.put(key, entry.adapter().map(Packed::sha256).orElse(entry.reason())));
        return digests;
    }

    private void equalsTrainingAlone(Path output, String... overrides) throws IOException {
        for (String key : rows.keySet()) {
            assertThat(digests(output).get(key)).as(key).isEqualTo(alone(key, overrides));
        }
    }

    @Test
    void eachAdapterIsThatOfItsRowsAlone() throws IOException {
        Path output = trainKeys("keys", "local[2]");

        equalsTrainingAlone(output, "training.shards=1");
        AdapterPack pack = pack(output);
        assertThat(pack.index().adapter("null").orElseThrow().manifest().labels())
                .containsExactly("a", "b");
        KeyedAdapter three = pack.read(pack.index().adapter("süd/…\u00e9").orElseThrow());
        assertThat(three.labels()).containsExactly("no", "perhaps", "yes");
        assertThat(three.sha256()).isEqualTo(digests(output).get("süd/…\u00e9"));
        List<JsonNode> epochs = TrainingJob.events(output, "key_epoch");
        assertThat(epochs).hasSize(6);
        assertThat(epochs.get(1).get("live")).hasToString("[\"bottom\"]");
        assertThat(TrainingJob.status(output).get("adapter_sha256").asText())
                .isEqualTo(pack.index().sha256());
    }

    @Test
    void commandsForOneAdapterAreRefused() throws IOException {
        String output = trainKeys("keys", "local[1]").toString();
        for (List<String> command : List.of(List.of("verify", output, output), List.of("replay", output))) {
            TrainingJob.Ended ended = TrainingJob.run("none", command.toArray(String[]::new));
            assertThat(ended.code()).as(ended.err()).isEqualTo(2);
            assertThat(ended.err())
                    .contains(
                            command.get(0) + " works on runs with one adapter",
                            "adapters/index.json",
                            "[usage.adapter]");
        }
        TrainingJob.Ended size = TrainingJob.run(
                "none", "size", "--config", job.toString(), "--set", "data.adapter=customer", "--gflops", "1");
        assertThat(size.code()).as(size.err()).isEqualTo(2);
        assertThat(size.err()).contains("size estimates runs with one adapter", "plan --config");
    }

    @Test
    void twoShardsAndAnyNumberOfTasksGiveTheSameBits() throws IOException {
        String[] more = {
            "training.shards=2", "data.validation={fraction: 0.25}", "training.gradient_accumulation_steps=2"
        };
        Path one = trainKeys("one", "local[1]", more);
        Path three = trainKeys("three", "local[3]", more);

        assertThat(Files.readAllBytes(three.resolve("adapters/part-00000.safetensors")))
                .isEqualTo(Files.readAllBytes(one.resolve("adapters/part-00000.safetensors")));
        assertThat(pack(three).index().keys()).isEqualTo(pack(one).index().keys());
        equalsTrainingAlone(one, more);
    }

    @Test
    void validationIsThatOfTheKeyAlone() throws IOException {
        String fraction = "data.validation={fraction: 0.25}";
        Path output = trainKeys("keys", "local[2]", fraction);

        for (String key : rows.keySet()) {
            alone(key, "training.shards=1", fraction);
        }
        List<SortedMap<String, Double>> alone = new ArrayList<>();
        try (Stream<Path> runs = Files.list(folder)) {
            for (Path run : runs.filter(path -> path.getFileName().toString().startsWith("alone-"))
                    .toList()) {
                List<JsonNode> ends = TrainingJob.events(run, "epoch_end");
                alone.add(metrics(ends.get(ends.size() - 1)));
            }
        }
        assertThat(pack(output).index().keys().values())
                .allSatisfy(entry ->
                        assertThat(alone).contains(entry.adapter().orElseThrow().validation()));
    }

    private static SortedMap<String, Double> metrics(JsonNode epoch) {
        SortedMap<String, Double> metrics = new TreeMap<>();
        epoch.get("validation")
                .fields()
                .forEachRemaining(
                        field -> metrics.put(field.getKey(), field.getValue().asDouble()));
        return metrics;
    }

    @Test
    void keysWithFewRowsUseTheFallbackThatTheOthersStartFrom() throws IOException {
        rows.put("small", rows(2, 7, "yes", "no"));
        writeRows(rows);
        String[] more = {"data.min_rows=5", "lora.init=all"};
        Path output = trainKeys("keys", "local[2]", more);

        AdapterIndex index = pack(output).index();
        Path all = trained("all", "local[2]", job, "training.shards=1");
        Packed fallback = index.fallback().orElseThrow().adapter().orElseThrow();
        assertThat(fallback.sha256())
                .isEqualTo(TrainingJob.status(all).get("adapter_sha256").asText());
        assertThat(entry(output, "small").outcome()).isEqualTo(Outcome.LEFT_OUT);
        assertThat(index.adapter("small")).contains(fallback);
        String labels = "model.labels=[a, b, no, perhaps, yes]";
        rows.remove("small");
        equalsTrainingAlone(
                output, "training.shards=1", labels, "lora.init_adapter=\"" + all.resolve("adapter") + "\"");
    }

    @Test
    void aKeyThatFailsDoesNotStopTheOthers() throws IOException {
        rows.put("one class", rows(6, 7, "yes"));
        writeRows(rows);
        Path output = trainKeys("keys", "local[2]");

        KeyEntry failed = entry(output, "one class");
        assertThat(failed.outcome()).isEqualTo(Outcome.FAILED);
        assertThat(failed.reason()).contains("only the label 'yes'").endsWith("[data.labels.count]");
        assertThat(TrainingJob.events(output, "key_failed")).hasSize(1);
        TrainingJob.Ended report = TrainingJob.run("none", "report", "--run", output.toString());
        assertThat(report.code()).as(report.err()).isZero();
        assertThat(Files.readString(output.resolve("report.html")))
                .as("failed keys first, with the reason")
                .containsSubsequence(
                        "an adapter for each customer",
                        "failed: 1.",
                        "Waves of keys that were trained: 1.",
                        ">one class<",
                        "only the label",
                        ">north<");
        rows.remove("one class");
        equalsTrainingAlone(output, "training.shards=1");
    }

    @Test
    void newKeysAreTrainedAndOthersStay() throws IOException {
        Path output = trainKeys("keys", "local[2]");
        byte[] first = Files.readAllBytes(output.resolve("adapters/part-00000.safetensors"));
        SortedMap<String, String> before = digests(output);
        rows.put("new", rows(8, 20, "yes", "no"));
        writeRows(rows);

        assertThat(resumed(output).code()).isZero();

        assertThat(Files.readAllBytes(output.resolve("adapters/part-00000.safetensors")))
                .isEqualTo(first);
        assertThat(digests(output))
                .containsAllEntriesOf(before)
                .containsEntry("new", alone("new", "training.shards=1"));
        assertThat(TrainingJob.events(output, "key_epoch")).hasSize(8);
        assertThat(TrainingJob.events(output, "finished")).hasSize(1);
    }

    @Test
    void changedRowsAreRefused() throws IOException {
        Path output = trainKeys("keys", "local[2]");
        Objects.requireNonNull(rows.get("north")).set(0, "another text,no");
        writeRows(rows);

        TrainingJob.Ended ended = resumed(output);

        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err()).contains("key 'north'").doesNotContain("key 'null'");
    }

    private TrainingJob.Ended resumed(Path output) {
        return TrainingJob.run(
                "local[2]",
                "train",
                "--config",
                job.toString(),
                "--output",
                output.toString(),
                "--resume",
                "--set",
                "data.adapter=customer");
    }

    @Test
    void rowsWithoutAKeyAndTooManyKeysAreRefused() throws IOException {
        TrainingJob.Ended many =
                TrainingJob.train("local[2]", job, folder.resolve("many"), "data.adapter=customer", "data.max_keys=2");
        assertThat(many.code()).isEqualTo(2);
        assertThat(many.err()).contains("3 different values", "[usage.adapter-keys]");
        rows.put("", List.of("no key,yes"));
        writeRows(rows);

        TrainingJob.Ended none = TrainingJob.train("local[2]", job, folder.resolve("none"), "data.adapter=customer");
        assertThat(none.code()).isEqualTo(3);
        assertThat(none.err()).contains("train.csv row 39", "[data.adapter.missing]");
    }

    @Test
    void aKeyThatDivergesDoesNotStopTheOthers() throws IOException {
        // A weight beyond the largest float32 makes the loss infinite.
        rows.put("huge", List.of("good,yes,3e38", "bad,no,3e38", "end,yes,3e38"));
        for (String key : List.of("north", "süd/…\u00e9", "null")) {
            rows.compute(key, (of, list) -> list.stream().map(row -> row + ",1").toList());
        }
        writeRows(rows, "text,label,importance,customer\n");
        Path output = trainKeys("keys", "local[2]", "data.train.weight=importance");

        KeyEntry failed = entry(output, "huge");
        assertThat(failed.outcome()).isEqualTo(Outcome.FAILED);
        assertThat(failed.reason()).contains("training diverged at step 0").contains("[diverged.");
        assertThat(pack(output).index().keys().values())
                .filteredOn(entry -> entry.outcome() == Outcome.TRAINED)
                .hasSize(3);

        rows.keySet().removeIf(key -> !key.equals("huge"));
        writeRows(rows, "text,label,importance,customer\n");
        TrainingJob.Ended alone = TrainingJob.train(
                "local[2]", job, folder.resolve("only"), "data.adapter=customer", "data.train.weight=importance");
        assertThat(alone.code()).isEqualTo(5);
        assertThat(alone.err()).contains("every key failed", "[diverged.keys]");
    }

    @Test
    void thePlanCountsKeysAndWork() {
        TrainingJob.Ended plan = TrainingJob.run(
                "local[2]",
                "plan",
                "--config",
                job.toString(),
                "--set",
                "data.adapter=customer",
                "--set",
                "data.min_rows=10");

        assertThat(plan.code()).as(plan.err()).isZero();
        assertThat(plan.out())
                .contains("3 values of 'customer' with 9 to 17 training rows, median 12")
                .contains("2 to train; 1 keys have fewer rows than data.min_rows")
                .contains("1 in 1 waves")
                // 17 and 12 rows in batches of 4, two epochs.
                .contains("16 over all keys")
                // The group that thaws lies lower, so its trunk is another.
                .contains("58 rows go through the frozen trunk; without the cache 58");
    }
}
