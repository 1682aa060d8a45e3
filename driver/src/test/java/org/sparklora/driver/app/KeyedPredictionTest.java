package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry;
import org.sparklora.driver.model.keyed.KeyEntry.Outcome;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyEntry.Place;
import org.sparklora.driver.model.keyed.KeyEntry.Rows;
import org.sparklora.driver.model.keyed.KeyedAdapter;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.training.TrainedRun;

/** The commands on a run with an adapter for each key, against the same commands on each key's run alone. */
class KeyedPredictionTest {

    private static final List<String> TEXTS =
            List.of("great plot", "bad end", "a great movie with a bad end", "very bad", "fine", "the plot was great");

    @TempDir
    private static Path folder;

    /** Runs that were trained alone; the names are keys. */
    private static Path north;

    private static Path south;
    private static Path fallback;

    /** The two of them in one run, with the fallback and without. */
    private static Path withFallback;

    private static Path withoutFallback;

    @BeforeAll
    static void train() throws IOException {
        Path job = TrainingJob.smallest(folder);
        Path three = Files.writeString(folder.resolve("three.csv"), """
                text,label
                great plot,yes
                bad end,no
                fine,perhaps
                very bad,no
                a fine end,perhaps
                great movie,yes
                """);
        north = run(job, "north", "training.learning_rate=0.02", "training.num_train_epochs=4");
        south = run(
                job,
                "south",
                "training.learning_rate=0.05",
                "training.num_train_epochs=4",
                "lora.r=2",
                "data.train.path=" + three);
        fallback = run(job, "fallback", "training.learning_rate=0.01", "seed=5");
        withFallback = keyed("with", Optional.of(fallback));
        withoutFallback = keyed("without", Optional.empty());
    }

    private static Path run(Path job, String name, String... keys) throws IOException {
        Path run = folder.resolve(name);
        TrainingJob.Ended ended = TrainingJob.train("local[2]", job, run, keys);
        assertThat(ended.code()).as(ended.err()).isZero();
        return run;
    }

    private static KeyedAdapter adapter(Path run) {
        TrainedRun trained = TrainedRun.read(run.toString(), Optional.empty());
        return new KeyedAdapter(trained.manifest(), trained.adapter());
    }

    private static Path keyed(String name, Optional<Path> all) throws IOException {
        Path run = Files.createDirectories(folder.resolve(name));
        for (String file : List.of("config.yaml", "history.jsonl")) {
            Files.copy(north.resolve(file), run.resolve(file));
        }
        RunDirectory directory = new LocalRunDirectory(run);
        SortedMap<String, KeyedAdapter> adapters =
                new TreeMap<>(Map.of("north", adapter(north), "south", adapter(south)));
        SortedMap<String, KeyedAdapter> byId = new TreeMap<>();
        adapters.forEach((key, adapter) -> byId.put(KeyEntry.id(key), adapter));
        all.ifPresent(of -> byId.put(AdapterPack.FALLBACK, adapter(of)));
        SortedMap<String, Place> places = AdapterPack.write(directory, AdapterPack.part(0), byId);
        SortedMap<String, KeyEntry> entries = new TreeMap<>();
        adapters.forEach((key, adapter) ->
                entries.put(key, entry(adapter, Objects.requireNonNull(places.get(KeyEntry.id(key))))));
        entries.put("small", new KeyEntry(new Rows(1, 0, ""), Outcome.LEFT_OUT, "it has 1 row", Optional.empty()));
        AdapterIndex index = new AdapterIndex(
                "customer",
                all.map(of -> entry(adapter(of), Objects.requireNonNull(places.get(AdapterPack.FALLBACK)))),
                entries);
        directory.write(AdapterIndex.FILE, index.toJson());
        directory.write(RunStatus.FILE, RunStatus.finished(index.sha256()).toJson());
        return run;
    }

    private static KeyEntry entry(KeyedAdapter adapter, Place place) {
        Packed packed =
                new Packed(adapter.manifest(), 0, new TreeMap<>(), adapter.sha256(), Objects.requireNonNull(place));
        return new KeyEntry(new Rows(6, 0, ""), Outcome.TRAINED, "", Optional.of(packed));
    }

    private static TrainingJob.Ended run(String... arguments) {
        return TrainingJob.run("local[2]", arguments);
    }

    /** Rows of two files whose keys change from row to row. */
    private static Path input(String name, List<String> keys) throws IOException {
        Path input = Files.createDirectories(folder.resolve(name));
        for (int file = 0; file < 2; file++) {
            List<String> lines = new ArrayList<>(List.of("customer,text"));
            for (int row = 0; row < 30; row++) {
                lines.add(keys.get(row % keys.size()) + "," + TEXTS.get((row + file) % TEXTS.size()));
            }
            Files.write(input.resolve("part-" + file + ".csv"), lines);
        }
        return input;
    }

    private static List<JsonNode> predicted(Path run, Path input, String... more) throws IOException {
        Path output = Files.createTempDirectory(folder, "predicted");
        List<String> arguments =
                new ArrayList<>(List.of("predict", "--run", run.toString(), "--input", input.toString()));
        arguments.addAll(List.of("--output", output.toString(), "--output-format", "json", "--format", "csv"));
        arguments.addAll(List.of(more));
        TrainingJob.Ended ended = run(arguments.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
        List<JsonNode> rows = new ArrayList<>();
        for (Path part : TrainingJob.parts(output)) {
            for (String line : Files.readAllLines(part)) {
                rows.add(new ObjectMapper().readTree(line));
            }
        }
        return rows;
    }

    private static void assertRouted(List<JsonNode> rows, Path input, Map<String, Path> runs) throws IOException {
        Map<Path, List<JsonNode>> alone = new TreeMap<>();
        for (Path run : runs.values()) {
            alone.put(run, predicted(run, input));
        }
        assertThat(rows).hasSize(60);
        for (int row = 0; row < rows.size(); row++) {
            JsonNode got = rows.get(row);
            Path run = runs.get(got.path("customer").asText(""));
            JsonNode any = alone.values().iterator().next().get(row);
            assertThat(got.get("text")).as("order of rows").isEqualTo(any.get("text"));
            if (run == null) {
                assertThat(got.path("prediction").isNull())
                        .as("row %d: %s", row, got)
                        .isTrue();
                continue;
            }
            JsonNode wanted = Objects.requireNonNull(alone.get(run)).get(row);
            assertThat(got.get("prediction")).as("row %d", row).isEqualTo(wanted.get("prediction"));
            assertThat(got.get("probability").asDouble())
                    .isCloseTo(wanted.get("probability").asDouble(), within(1e-5));
        }
    }

    @Test
    void eachRowIsPredictedByTheAdapterOfItsKeyAndOthersByTheFallback() throws IOException {
        Path input = input("mixed", List.of("north", "south", "east", "", "small"));
        Path output = folder.resolve("said");
        TrainingJob.Ended ended = run(
                "predict",
                "--run",
                withFallback.toString(),
                "--input",
                input.toString(),
                "--format",
                "csv",
                "--output",
                output.toString());

        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err())
                .contains("warning: 36 of 60 rows have no key in column 'customer', or one without an adapter, and are"
                        + " computed by the fallback adapter");
        assertThat(ended.out()).contains("60 rows predicted into");
        assertRouted(
                predicted(withFallback, input),
                input,
                Map.of(
                        "north", north, "south", south, "east", fallback, "", fallback, "null", fallback, "small",
                        fallback));
    }

    @Test
    void withoutAFallbackRowsOfUnknownKeysHaveNoPrediction() throws IOException {
        Path input = input("unknown", List.of("north", "south", "east", "", "small"));
        TrainingJob.Ended ended = run(
                "predict",
                "--run",
                withoutFallback.toString(),
                "--input",
                input.toString(),
                "--format",
                "csv",
                "--output",
                folder.resolve("none").toString());

        assertThat(ended.err()).contains("warning: 36 of 60 rows").contains("get no prediction");
        assertThat(ended.err()).doesNotContain("no text");
        assertThat(ended.out()).contains("24 rows predicted into");
        assertRouted(predicted(withoutFallback, input), input, Map.of("north", north, "south", south));
    }

    @Test
    void evaluatedRowsAreThoseOfTheirKeys() throws IOException {
        Path labelled = Files.writeString(folder.resolve("labelled.csv"), """
                customer,text,label
                south,great plot,yes
                south,bad end,no
                east,bad end,no
                south,fine,perhaps
                ,fine,yes
                south,very bad,perhaps
                """);
        Path alone = Files.writeString(folder.resolve("south.csv"), """
                text,label
                great plot,yes
                bad end,no
                fine,perhaps
                very bad,perhaps
                """);

        JsonNode keyed = evaluated(withoutFallback, labelled);
        JsonNode single = evaluated(south, alone);

        assertThat(keyed.get("examples").asInt()).isEqualTo(4);
        for (String metric : List.of("accuracy", "f1", "loss")) {
            assertThat(keyed.get(metric).asDouble())
                    .as(metric)
                    .isCloseTo(single.get(metric).asDouble(), within(1e-5));
        }
        assertThat(evaluated(withFallback, labelled).get("examples").asInt()).isEqualTo(6);
    }

    private static JsonNode evaluated(Path run, Path data) throws IOException {
        TrainingJob.Ended ended = run("evaluate", "--run", run.toString(), "--data", data.toString());
        assertThat(ended.code()).as(ended.err()).isZero();
        List<String> lines = ended.out().strip().lines().toList();
        return new ObjectMapper().readTree(lines.get(lines.size() - 1));
    }

    @Test
    void theColumnOfTheKeysIsRequired() throws IOException {
        TrainingJob.Ended ended = run(
                "predict",
                "--run",
                withFallback.toString(),
                "--input",
                folder.resolve("three.csv").toString(),
                "--output",
                folder.resolve("no column").toString());

        assertThat(ended.code()).isEqualTo(3);
        assertThat(ended.err()).contains("'customer'").contains("three.csv");
    }

    @Test
    void theExportOfAKeyIsTheAdapterThatItsRunWrote() throws IOException {
        Path exported = folder.resolve("exported");
        TrainingJob.Ended ended =
                run("export", "--run", withFallback.toString(), "--adapter", "south", "--output", exported.toString());

        assertThat(ended.code()).as(ended.err()).isZero();
        for (String file : List.of("adapter_model.safetensors", "adapter_config.json")) {
            assertThat(exported.resolve(file))
                    .hasSameBinaryContentAs(south.resolve("adapter").resolve(file));
        }
        try (Stream<Path> files = Files.list(exported)) {
            assertThat(files).hasSize(3);
        }
    }

    @Test
    void oneKeyIsMergedAsItsRun() throws IOException {
        Path merged = folder.resolve("merged");
        Path alone = folder.resolve("merged alone");
        assertThat(run("merge", "--run", withFallback.toString(), "--adapter", "north", "--output", merged.toString())
                        .code())
                .isZero();
        assertThat(run("merge", "--run", north.toString(), "--output", alone.toString())
                        .code())
                .isZero();

        assertThat(merged.resolve("model.safetensors")).hasSameBinaryContentAs(alone.resolve("model.safetensors"));
    }

    @Test
    void allRowsMayHaveTheAdapterOfOneKey() throws IOException {
        Path input = input("one", List.of("north", "south"));

        assertThat(predicted(withFallback, input, "--adapter", "south")).isEqualTo(predicted(south, input));
    }

    @Test
    void wrongKeysAreNamed() {
        String out = folder.resolve("out").toString();
        assertLine(
                "choose one with --adapter KEY [usage.adapter]",
                "merge",
                "--run",
                withFallback.toString(),
                "--output",
                out);
        assertLine(
                "did you mean 'south'? [usage.adapter]",
                "export",
                "--run",
                withFallback.toString(),
                "--adapter",
                "sout",
                "--output",
                out);
        assertLine(
                "'small' of column 'customer': it has 1 row; give --adapter another key [usage.adapter]",
                "export",
                "--run",
                withFallback.toString(),
                "--adapter",
                "small",
                "--output",
                out);
        assertLine(
                "has one adapter, and none for the key 'a'; leave out --adapter [usage.adapter]",
                "merge",
                "--run",
                north.toString(),
                "--adapter",
                "a",
                "--output",
                out);
        assertLine("--format is missing", "export", "--run", north.toString(), "--output", out);
    }

    private static void assertLine(String wanted, String... arguments) {
        TrainingJob.Ended ended = run(arguments);
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err()).contains(wanted);
        assertThat(ended.err().strip().lines()).hasSize(1);
    }
}
