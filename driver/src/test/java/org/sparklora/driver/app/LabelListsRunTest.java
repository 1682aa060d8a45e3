package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.cluster.failure.SparkSentences;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.worker.safetensors.Tensor;

/** The tasks whose rows have lists of labels, and the other encoders, from the job file to the adapter. */
class LabelListsRunTest {

    private static final Path ENCODERS = TrainingJob.ROOT
            .resolve("worker/src/test/resources/golden-encoders")
            .toAbsolutePath();

    private static final String WORDS_AND_TAGS = ", text: tokens, label: tags";

    @TempDir
    private Path folder;

    private Path job(String task, String file, String columns, String targets, String more) throws IOException {
        return Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                seed: 3
                model: {path: "%s", task: %s, max_length: 24}
                data:
                  train: {path: "%s"%s}
                  validation: {fraction: 0.25}
                lora:
                  r: 4
                  lora_alpha: 8
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [%s], layers_to_transform: [2]}
                    bottom: {target_modules: [%s], layers_to_transform: [0]}
                schedule:
                  live: [top]
                  events: [{epoch: 2, thaw: [bottom]}]
                training: {num_train_epochs: 3, batch_size: 8, shards: 4, learning_rate: 0.01%s}
                """, model(), task, folder.resolve(file), columns, targets, targets, more));
    }

    private Path model() {
        return folder.resolve("model");
    }

    /** A golden model with the tokenizer of another one, whose vocabulary is as large. */
    private void model(String golden) throws IOException {
        Files.createDirectories(model());
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(ENCODERS.resolve(golden).resolve("model").resolve(file), model().resolve(file));
        }
        Files.copy(TrainingJob.TINY_MODEL.resolve("vocab.txt"), model().resolve("vocab.txt"));
    }

    private Path train(String name, String master, Path job, String... overrides) {
        Path output = folder.resolve(name);
        TrainingJob.Ended ended = TrainingJob.train(master, job, output, overrides);
        assertThat(ended.code()).as(ended.err()).isZero();
        return output;
    }

    /** Trains with one and two task slots, and returns the run. */
    private Path trainTwice(Path job) {
        Path one = train("one", "local[1]", job);
        Path two = train("two", "local[2]", job);
        assertThat(TrainingJob.status(two).get("adapter_sha256"))
                .isEqualTo(TrainingJob.status(one).get("adapter_sha256"));
        assertThat(validations(two)).isEqualTo(validations(one)).hasSize(3);
        return two;
    }

    private static List<JsonNode> validations(Path output) {
        return TrainingJob.events(output, "epoch_end").stream()
                .map(e -> e.get("validation"))
                .toList();
    }

    private static double metric(Path output, int epoch, String name) {
        return validations(output).get(epoch).get(name).asDouble();
    }

    private static double firstLoss(Path output) {
        return TrainingJob.events(output, "step").get(0).get("loss").asDouble();
    }

    private static JsonNode config(Path output) throws IOException {
        return new ObjectMapper()
                .readTree(output.resolve("adapter/adapter_config.json").toFile());
    }

    private static Tensor tensor(Path output, String name) {
        PeftAdapter adapter = PeftAdapter.read(output.resolve("adapter"));
        assertThat(adapter.tensors()).containsKey(name);
        return java.util.Objects.requireNonNull(adapter.tensors().get(name));
    }

    /** Words that say what the labels are; half of the rows have none. */
    private static List<String> labelSetRows() {
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < 48; i++) {
            boolean good = i % 3 == 0;
            boolean film = i % 4 == 0;
            String text = (good ? "great " : "the ") + (film ? "movie" : "plot") + " was" + " very".repeat(i % 5);
            rows.add(text + "," + (good ? "good" : "") + (good && film ? "|" : "") + (film ? "film" : ""));
        }
        return rows;
    }

    private void writeCsv() throws IOException {
        Files.writeString(folder.resolve("train.csv"), "text,label\n" + String.join("\n", labelSetRows()) + "\n");
    }

    @Test
    void labelSetsFromCsv() throws IOException {
        model("bert-multi-label");
        writeCsv();
        Path output = trainTwice(job("multi_label", "train.csv", "", "query, value", ""));
        assertThat(validations(output).get(2).fieldNames())
                .toIterable()
                .containsExactlyInAnyOrder("accuracy", "f1", "f1_film", "f1_good", "loss");
        assertThat(firstLoss(output)).isBetween(0.1, 2.0);
        assertThat(metric(output, 2, "loss")).isLessThan(metric(output, 0, "loss"));
        assertThat(tensor(output, "classifier.bias").shape()).containsExactly(2);
        assertThat(config(output).get("task_type").asText()).isEqualTo("SEQ_CLS");
    }

    @Test
    void theThresholdDecidesInValidationEvaluationAndPrediction() throws IOException {
        model("bert-multi-label");
        writeCsv();
        String smooth = ", label_smoothing_factor: 0.1, threshold: ";
        Path job = job("multi_label", "train.csv", "", "query, value", smooth + "0.2");
        // The training rows are those of the validation, so that evaluate must repeat its metrics.
        String self = "data.validation={path: " + folder.resolve("train.csv") + "}";
        Path low = train("low", "local[2]", job, self);
        Path high = train("high", "local[2]", job, self, "training.threshold=0.9");
        assertThat(TrainingJob.status(high).get("adapter_sha256"))
                .isEqualTo(TrainingJob.status(low).get("adapter_sha256"));
        assertThat(validations(low).get(0)).isNotEqualTo(validations(high).get(0));
        TrainingJob.Ended evaluated = TrainingJob.run(
                "local[2]",
                "evaluate",
                "--run",
                low.toString(),
                "--data",
                folder.resolve("train.csv").toString());
        assertThat(evaluated.code()).as(evaluated.err()).isZero();
        JsonNode metrics =
                new ObjectMapper().readTree(evaluated.out().strip().lines().reduce("", (before, line) -> line));
        for (String name : List.of("accuracy", "f1", "f1_good", "loss")) {
            assertThat(metrics.get(name).asDouble()).as(name).isCloseTo(metric(low, 2, name), within(1e-6));
        }
        for (Path run : List.of(low, high)) {
            TrainingJob.Ended ended = predict(
                    run,
                    folder.resolve("train.csv"),
                    folder.resolve("by-" + run.getFileName()),
                    "--output-format",
                    "json");
            assertThat(ended.code()).as(ended.err()).isZero();
        }
        assertThat(predictedLabels("by-low")).isGreaterThan(predictedLabels("by-high"));
    }

    private long predictedLabels(String output) throws IOException {
        long labels = 0;
        for (Path part : TrainingJob.parts(folder.resolve(output))) {
            for (String line : Files.readAllLines(part)) {
                String predicted =
                        new ObjectMapper().readTree(line).get("prediction").asText();
                labels += predicted.isEmpty() ? 0 : predicted.split("\\|").length;
            }
        }
        return labels;
    }

    @Test
    void balancedTagsWeighTheSameOnAnyNumberOfCoresAndAreRecorded() throws IOException {
        model("bert-token-classification");
        writeTagged();
        Path plain =
                train("plain", "local[1]", job("token_classification", "train.jsonl", WORDS_AND_TAGS, "query", ""));
        Path balanced = trainTwice(job(
                "token_classification",
                "train.jsonl",
                WORDS_AND_TAGS,
                "query",
                ", class_weights: balanced, focal_gamma: 2"));
        assertThat(TrainingJob.status(balanced).get("adapter_sha256"))
                .isNotEqualTo(TrainingJob.status(plain).get("adapter_sha256"));
        assertThat(TrainingJob.events(balanced, "run")
                        .get(0)
                        .get("choices")
                        .get("class_weights")
                        .asText())
                .matches("\\[[0-9.]+(, [0-9.]+){3}]");
        assertThat(metric(balanced, 2, "loss")).isLessThan(metric(balanced, 0, "loss"));
    }

    /** The same rows as arrays give the same adapter, for what a row says is the same. */
    @Test
    void arraysOfLabelsAreTheSameRows() throws IOException {
        model("distilbert");
        writeCsv();
        StringBuilder lines = new StringBuilder();
        for (String row : labelSetRows()) {
            String[] parts = row.split(",", -1);
            String labels = parts[1].isEmpty() ? "" : "\"" + parts[1].replace("|", "\",\"") + "\"";
            lines.append(TrainingJob.format("{\"text\": \"%s\", \"label\": [%s]}\n", parts[0], labels));
        }
        Files.writeString(folder.resolve("train.jsonl"), lines);
        Path csv = train("csv", "local[2]", job("multi_label", "train.csv", "", "q_lin, v_lin", ""));
        Path json = train("json", "local[2]", job("multi_label", "train.jsonl", "", "q_lin, v_lin", ""));
        assertThat(TrainingJob.status(json).get("adapter_sha256"))
                .isEqualTo(TrainingJob.status(csv).get("adapter_sha256"));
        assertThat(tensor(json, "pre_classifier.weight").shape()).containsExactly(32, 32);
        assertThat(tensor(json, "classifier.weight").shape()).containsExactly(2, 32);
        assertThat(config(json).get("modules_to_save").toString()).isEqualTo("[\"classifier\",\"pre_classifier\"]");
        assertThat(config(json).get("target_modules").get(0).asText())
                .isEqualTo("distilbert.transformer.layer.0.attention.q_lin");
    }

    /** Words in several pieces are among them. */
    private void writeTagged() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            String words = "\"the\",\"great\",\"movie\"" + ",\"was\",\"plotted\",\"end\"".repeat(i % 4);
            String tags = "\"O\",\"B-PER\",\"I-PER\"" + ",\"O\",\"B-LOC\",\"O\"".repeat(i % 4);
            lines.append(TrainingJob.format("{\"tokens\": [%s], \"tags\": [%s]}\n", words, tags));
        }
        Files.writeString(folder.resolve("train.jsonl"), lines);
    }

    @ParameterizedTest
    @CsvSource({"bert-token-classification, 'query, value'", "roberta, 'query, key'", "distilbert, 'q_lin, ffn.lin1'"})
    void tagsOfWords(String golden, String targets) throws IOException {
        model(golden);
        writeTagged();
        Path output = trainTwice(
                job("token_classification", "train.jsonl", WORDS_AND_TAGS, targets, ", label_smoothing_factor: 0.1"));
        assertThat(validations(output).get(2).fieldNames())
                .toIterable()
                .containsExactlyInAnyOrder("accuracy", "f1", "loss", "precision", "recall");
        assertThat(metric(output, 2, "loss")).isLessThan(metric(output, 0, "loss"));
        assertThat(config(output).get("task_type").asText()).isEqualTo("TOKEN_CLS");
        assertThat(config(output).get("modules_to_save").toString()).isEqualTo("[\"classifier\"]");
        assertThat(tensor(output, "classifier.weight").shape()).containsExactly(4, 32);
    }

    /** The logits of all validated words are larger than the results that the driver accepts. */
    @Test
    void validationAndEvaluationSendTheDriverNoLogits() throws IOException {
        model("bert-token-classification");
        writeTagged();
        String words = "\"the\",\"great\",\"movie\",\"was\",\"end\"";
        String tags = "\"O\",\"B-PER\",\"I-PER\",\"O\",\"B-LOC\"";
        String row = TrainingJob.format(
                "{\"tokens\": [%s,%s,%s,%s], \"tags\": [%s,%s,%s,%s]}\n",
                words, words, words, words, tags, tags, tags, tags);
        int rows = 1500;
        Path many = Files.writeString(folder.resolve("many.jsonl"), row.repeat(rows));
        int limit = 400_000;
        assertThat(rows * 20 * 4 * Float.BYTES).isGreaterThan(limit);
        Path job = job("token_classification", "train.jsonl", WORDS_AND_TAGS, "query", "");
        System.setProperty(SparkSentences.MAX_RESULT_SIZE, Integer.toString(limit));
        try {
            Path run = train(
                    "run",
                    "local[2]",
                    job,
                    "data.validation={path: " + many + "}",
                    "training.num_train_epochs=1",
                    "schedule={live: [top]}");
            assertThat(TrainingJob.events(run, "failure")).isEmpty();
            TrainingJob.Ended evaluated =
                    TrainingJob.run("local[2]", "evaluate", "--run", run.toString(), "--data", many.toString());
            assertThat(evaluated.code()).as(evaluated.err()).isZero();
            JsonNode metrics =
                    new ObjectMapper().readTree(evaluated.out().strip().lines().reduce("", (before, line) -> line));
            assertThat(metrics.get("examples").asInt()).isEqualTo(rows);
            assertThat(metrics.get("accuracy").asDouble()).isCloseTo(metric(run, 0, "accuracy"), within(1e-3));
        } finally {
            System.clearProperty(SparkSentences.MAX_RESULT_SIZE);
        }
    }

    @Test
    void predictTagsEachWordThatFits() throws IOException {
        model("bert-token-classification");
        writeTagged();
        Path output = train(
                "run", "local[2]", job("token_classification", "train.jsonl", WORDS_AND_TAGS, "query, value", ""));
        List<String> rows = new ArrayList<>(Files.readAllLines(folder.resolve("train.jsonl")));
        Path labelled = folder.resolve("train.jsonl");
        int last = rows.size();
        rows.add("{\"tokens\": null, \"note\": {\"by\": \"hand\"}}");
        rows.add("{\"tokens\": [" + "\"the\",".repeat(29) + "\"end\"], \"tags\": []}");
        Path input = Files.write(folder.resolve("new.jsonl"), rows);

        Path predicted = folder.resolve("predicted");
        TrainingJob.Ended ended = predict(output, input, predicted);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).contains("warning: 1 of 42 rows");
        List<JsonNode> lines = new ArrayList<>();
        for (Path part : TrainingJob.parts(predicted)) {
            for (String line : Files.readAllLines(part)) {
                lines.add(new ObjectMapper().readTree(line));
            }
        }
        assertThat(lines).hasSize(42);
        assertThat(lines.get(last).toString())
                .isEqualTo("{\"note\":{\"by\":\"hand\"},\"tags\":null,\"tokens\":null,\"prediction\":null}");
        JsonNode cut = lines.get(last + 1).get("prediction");
        assertThat(cut).hasSize(30);
        assertThat(cut.get(21).isTextual())
                .as("the last of 24 less [CLS] and [SEP]")
                .isTrue();
        assertThat(cut.get(22).isNull()).as("beyond max_length").isTrue();

        int right = 0;
        int words = 0;
        for (JsonNode line : lines.subList(0, last)) {
            for (int word = 0; word < line.get("tags").size(); word++) {
                words++;
                right +=
                        line.get("tags").get(word).equals(line.get("prediction").get(word)) ? 1 : 0;
            }
        }
        TrainingJob.Ended evaluated =
                TrainingJob.run("local[2]", "evaluate", "--run", output.toString(), "--data", labelled.toString());
        assertThat(evaluated.code()).as(evaluated.err()).isZero();
        String metrics = evaluated.out().strip().lines().reduce("", (before, line) -> line);
        assertThat(new ObjectMapper().readTree(metrics).get("accuracy").asDouble())
                .isCloseTo((double) right / words, within(1e-12))
                .isBetween(0.3, 0.99999);

        TrainingJob.Ended csv = predict(output, input, folder.resolve("csv"), "--output-format", "csv");
        assertThat(csv.code()).isEqualTo(2);
        assertThat(csv.err()).contains("--output-format csv", "[output.format]");
    }

    private static TrainingJob.Ended predict(Path run, Path input, Path output, String... more) {
        List<String> args = new ArrayList<>(List.of(
                "predict", "--run", run.toString(), "--input", input.toString(), "--output", output.toString()));
        args.addAll(List.of(more));
        return TrainingJob.run("local[2]", args.toArray(String[]::new));
    }

    @Test
    void robertaLabelsTextsAndItsHeadIsReadAgain() throws IOException {
        model("roberta");
        Files.writeString(
                folder.resolve("train.csv"),
                "text,label\n" + "great plot,yes\nbad end,no\nthe movie,maybe\n".repeat(8));
        Path job = job("classification", "train.csv", "", "query", "");
        Files.writeString(job, Files.readString(job).replace("validation: {fraction: 0.25}", ""));
        Path output = train("first", "local[2]", job);
        assertThat(tensor(output, "classifier.dense.weight").shape()).containsExactly(32, 32);
        assertThat(tensor(output, "classifier.out_proj.weight").shape()).containsExactly(3, 32);
        assertThat(config(output).get("modules_to_save").toString()).isEqualTo("[\"classifier\"]");
        Path again = train("again", "local[2]", job, "lora.init_adapter=" + output.resolve("adapter"));
        assertThat(firstLoss(again)).isLessThan(firstLoss(output));
    }

    /** The last layer costs what the one below does, and no pooler is there to adapt. */
    @Test
    void aPlanOfTagsReadsEveryToken() throws IOException {
        model("roberta");
        writeTagged();
        Path job = job("token_classification", "train.jsonl", WORDS_AND_TAGS, "query", "");
        Files.writeString(job, Files.readString(job).replace("[query]", "all-linear"));
        TrainingJob.Ended plan = TrainingJob.run("local[2]", "plan", "--json", "--config", job.toString());
        assertThat(plan.code()).as(plan.err()).isZero();
        JsonNode groups = new ObjectMapper().readTree(plan.out()).get("groups");
        assertThat(groups.toString())
                .contains("roberta.encoder.layer.2.attention.self.key")
                .contains("roberta.encoder.layer.0.output.dense")
                .doesNotContain("pooler");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            quoteCharacter = '`',
            value = {
                "{\"tokens\":[\"a\",\"b\"],\"tags\":[\"O\"]} # data.label.invalid # 2 words # 1 tags",
                "{\"tokens\":[\"a\",null],\"tags\":[\"O\",\"O\"]} # data.label.invalid # word 2 is missing #",
                "{\"tokens\":[],\"tags\":[]} # data.text.missing # text #",
                "{\"tokens\":[\"a\"],\"tags\":[\"B-PRE\"]} # data.label.unseen # word 1, 'a' # 'B-PER'?",
            })
    void tagsThatDoNotFitTheirWords(String line, String code, String fact, @Nullable String more) throws IOException {
        model("bert-token-classification");
        Files.writeString(
                folder.resolve("train.jsonl"), "{\"tokens\":[\"a\",\"b\"],\"tags\":[\"O\",\"B-PER\"]}\n" + line + "\n");
        Path job = job("token_classification", "train.jsonl", WORDS_AND_TAGS, "query", "");
        refusesRow(job, "[O, B-PER]", code, "train.jsonl row 2: ", fact, more == null ? "" : more);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            quoteCharacter = '`',
            value = {
                "a,yes|on # data.label.unseen # 'on' # 'no', 'yes'",
                "a,yes||no # data.label.invalid # empty # |",
                ",yes # data.text.missing # text #",
            })
    void labelSetsThatCannotBeUsed(String row, String code, String fact, @Nullable String more) throws IOException {
        model("bert-multi-label");
        Files.writeString(folder.resolve("train.csv"), "text,label\nb,yes|no\nc,\n" + row + "\n");
        Path job = job("multi_label", "train.csv", "", "query", "");
        refusesRow(job, "[no, yes]", code, "train.csv row 3: ", fact, more == null ? "" : more);
    }

    private void refusesRow(Path job, String labels, String code, String place, String... facts) throws IOException {
        Files.writeString(job, Files.readString(job).replace("validation: {fraction: 0.25}", ""));
        TrainingJob.Ended ended = TrainingJob.train("local[2]", job, folder.resolve("run"), "model.labels=" + labels);
        assertThat(ended.err())
                .contains("spark-lora: " + folder + "/" + place, "[" + code + "]")
                .contains(facts);
        assertThat(ended.code()).isEqualTo(3);
    }

    @Test
    void tagsNeedArraysAndOneText() throws IOException {
        model("bert-token-classification");
        Files.writeString(folder.resolve("train.csv"), "text,label\na,O\n");
        Path job = job("token_classification", "train.csv", "", "query", "");
        TrainingJob.Ended csv = TrainingJob.train("local[2]", job, folder.resolve("run"));
        assertThat(csv.err()).contains("'text'", "type string", "array of words", "[data.column.type]");
        assertThat(csv.code()).isEqualTo(3);
        TrainingJob.Ended pair =
                TrainingJob.train("local[2]", job, folder.resolve("run"), "data.train.text_pair=other");
        assertThat(pair.err()).contains("data.train.text_pair", "token_classification");
        assertThat(pair.code()).isEqualTo(2);
    }

    @Test
    void modulesToSaveNamesTheModelsOwnHead() throws IOException {
        model("roberta");
        writeCsv();
        Path job = job("multi_label", "train.csv", "", "query", "");
        TrainingJob.Ended ended = TrainingJob.train(
                "none", job, folder.resolve("run"), "lora.modules_to_save=[pre_classifier, classifier]");
        assertThat(ended.err())
                .contains(
                        "lora.modules_to_save=[pre_classifier, classifier]",
                        "[pre_classifier] is not",
                        "[manifest.head.unknown]");
        assertThat(ended.code()).isEqualTo(2);
    }

    /** On the published data set, which is not part of the project. */
    @Test
    void namedEntitiesWithTheStarterEncoder() throws IOException {
        Path data = TrainingJob.ROOT.resolve("../shared/data/wnut17_ner");
        assumeTrue(Files.exists(data), "no data set in " + data);
        List<String> train = Files.readAllLines(data.resolve("train.jsonl"));
        List<String> dev = Files.readAllLines(data.resolve("dev.jsonl"));
        Files.write(folder.resolve("train.jsonl"), train.subList(0, 400));
        Files.write(folder.resolve("dev.jsonl"), dev.subList(0, 200));
        Path job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format(
                        """
                model:
                  path: "%s"
                  task: token_classification
                  max_length: 64
                  labels: [O, B-corporation, I-corporation, B-creative-work, I-creative-work, B-group, I-group,
                    B-location, I-location, B-person, I-person, B-product, I-product]
                data:
                  train: {path: "%s", text: tokens, label: tags}
                  validation: {path: "%s"}
                lora:
                  groups: {top: {target_modules: [query, value], layers_to_transform: [11]}}
                schedule: {live: [top]}
                training: {num_train_epochs: 2, batch_size: 16, shards: 2, learning_rate: 0.005}
                """,
                        TrainingJob.ROOT.resolve("conf/starter-bert-12l"),
                        folder.resolve("train.jsonl"),
                        folder.resolve("dev.jsonl")));
        Path output = train("ner", "local[2]", job);
        assertThat(metric(output, 1, "accuracy")).isGreaterThan(0.9);
        assertThat(metric(output, 1, "loss")).isLessThan(metric(output, 0, "loss") + 0.05);
    }
}
