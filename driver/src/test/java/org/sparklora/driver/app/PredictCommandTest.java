package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkEnv;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.data.DatasetRows;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.training.DatasetTraining;

/** {@code predict} and {@code evaluate} of a run, and the same run by a program. */
class PredictCommandTest {

    @TempDir
    private static Path folder;

    private static Path job;
    private static Path run;

    @BeforeAll
    static void train() throws IOException {
        job = TrainingJob.smallest(folder);
        run = folder.resolve("run");
        TrainingJob.Ended ended = TrainingJob.train(
                "local[2]",
                job,
                run,
                "training.learning_rate=0.02",
                "training.num_train_epochs=6",
                "data.validation={path: '" + folder.resolve("train.csv") + "'}");
        assertThat(ended.code()).as(ended.err()).isZero();
    }

    private static List<String> written(Path output) throws IOException {
        List<String> lines = new ArrayList<>();
        for (Path part : TrainingJob.parts(output)) {
            List<String> own = Files.readAllLines(part);
            lines.addAll(lines.isEmpty() ? own : own.subList(1, own.size()));
        }
        return lines;
    }

    @Test
    void everyColumnInTheRowsOrderWithAPredictionWhereThereIsText() throws IOException {
        Path input = Files.writeString(folder.resolve("new.csv"), """
                id,text,note
                1,great plot,"a, ""b"" and
                c"
                2,,nothing
                3,bad end,  spaced
                """);
        Path output = folder.resolve("predicted");
        TrainingJob.Ended ended = TrainingJob.run(
                "local[2]",
                "predict",
                "--run",
                run.toString(),
                "--input",
                input.toString(),
                "--output",
                output.toString());
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out().strip()).isEqualTo("2 rows predicted into " + output);
        assertThat(ended.err()).contains("warning: 1 of 3 rows");
        List<String> lines = written(output);
        assertThat(lines.get(0)).isEqualTo("id,text,note,prediction,probability");
        assertThat(lines.get(1)).isEqualTo("1,great plot,\"a, \"\"b\"\" and");
        assertThat(lines.get(2)).startsWith("c\",yes,0.");
        assertThat(lines.get(3)).isEqualTo("2,,nothing,,");
        assertThat(lines.get(4)).startsWith("3,bad end,  spaced,no,0.");
        assertThat(lines).hasSize(5);
    }

    @Test
    void theFileTrainedOnEvaluatesToWhatValidationSaid() throws IOException {
        TrainingJob.Ended ended = TrainingJob.run(
                "local[2]",
                "evaluate",
                "--run",
                run.toString(),
                "--data",
                folder.resolve("train.csv").toString());
        assertThat(ended.code()).as(ended.err()).isZero();
        List<String> lines = ended.out().strip().lines().toList();
        JsonNode said = new ObjectMapper().readTree(lines.get(lines.size() - 1));
        List<JsonNode> epochs = TrainingJob.events(run, "epoch_end");
        JsonNode validation = epochs.get(epochs.size() - 1).get("validation");
        assertThat(said.get("examples").asInt()).isEqualTo(12);
        for (String metric : List.of("accuracy", "auc", "f1", "loss")) {
            assertThat(said.get(metric).asDouble())
                    .as(metric)
                    .isCloseTo(validation.get(metric).asDouble(), within(1e-5));
        }
    }

    @Test
    void wrongArgumentsAreOneLineWithoutSpark() throws IOException {
        String input = folder.resolve("train.csv").toString();
        Path full = Files.createDirectories(folder.resolve("full"));
        Files.writeString(full.resolve("file"), "x");
        assertLine(2, "[output.not-empty]", "--run", run.toString(), "--input", input, "--output", full.toString());
        String out = folder.resolve("out").toString();
        assertLine(3, "nothere.csv' ", "--run", run.toString(), "--input", folder + "/nothere.csv", "--output", out);
        assertLine(2, "[usage.run-missing]", "--run", folder + "/no", "--input", input, "--output", out);
        assertLine(
                4, "--base", "--run", run.toString(), "--input", input, "--output", out, "--base", folder + "/nobase");
        assertLine(
                2,
                "[output.format]",
                "--run",
                run.toString(),
                "--input",
                input,
                "--output",
                out,
                "--output-format",
                "xml");
        Path nested =
                Files.writeString(folder.resolve("nested.jsonl"), "{\"text\": \"great\", \"seen\": [\"here\"]}\n");
        assertLine(
                3,
                "column 'seen' is of type array<string>",
                "--run",
                run.toString(),
                "--input",
                nested.toString(),
                "--output",
                out);
        assertLine(3, "'words'", "--run", run.toString(), "--input", input, "--output", out, "--text", "words");
    }

    private static void assertLine(int code, String part, String... args) {
        List<String> all = new ArrayList<>(List.of("predict"));
        all.addAll(List.of(args));
        TrainingJob.Ended ended = TrainingJob.run("local[2]", all.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isEqualTo(code);
        assertThat(ended.err().lines().filter(line -> line.startsWith("spark-lora: ")))
                .singleElement()
                .asString()
                .contains(part);
    }

    @Test
    void aProgramsRunHasTheCommandsBytes() throws IOException {
        Path byCommand = folder.resolve("command");
        assertThat(TrainingJob.train("local[2]", job, byCommand).code()).isZero();
        Path byProgram = folder.resolve("program");
        try (SparkSession spark = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.lora.fitCache", "off")
                .getOrCreate()) {
            Dataset<Row> rows = spark.read()
                    .option("header", "true")
                    .csv(folder.resolve("train.csv").toString())
                    .repartition(3);
            spark.sparkContext().setJobGroup("mine", "of the program", false);
            DatasetTraining.train(
                    spark,
                    JobFile.read(job, List.of(), Optional.of(byProgram.toString())),
                    new DatasetTraining.Rows(
                            DatasetRows.of(
                                    rows,
                                    new DatasetRows.Columns(
                                            DatasetRows.named("text"),
                                            Optional.empty(),
                                            Optional.of(DatasetRows.named("label")),
                                            Optional.empty())),
                            Optional.empty(),
                            Optional.empty()));
            assertThat(spark.sparkContext().getLocalProperty("spark.jobGroup.id"))
                    .isEqualTo("mine");
            assertThat(spark.sparkContext().getLocalProperty("spark.job.description"))
                    .isEqualTo("of the program");
            assertThat(spark.sparkContext().getPersistentRDDs().size())
                    .as("left in Spark's storage")
                    .isZero();
            assertThat(SparkEnv.get()
                            .blockManager()
                            .getMatchingBlockIds(block -> block.isRDD())
                            .size())
                    .as("blocks that Spark still removes")
                    .isZero();
        }
        assertThat(byProgram.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(byCommand.resolve("adapter/adapter_model.safetensors"));
        assertThat(Files.readString(byProgram.resolve("status.json"), StandardCharsets.UTF_8))
                .contains("finished");
    }
}
