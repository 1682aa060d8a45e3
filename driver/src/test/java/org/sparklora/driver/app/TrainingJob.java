package org.sparklora.driver.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;

/** Runs the command line in this JVM, as spark-submit would, and reads what it leaves behind. */
final class TrainingJob {

    private static final ObjectMapper JSON = new ObjectMapper();

    static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    static final Path TINY_MODEL = ROOT.resolve("worker/src/test/resources/golden/models/tiny-bert-12l");

    private TrainingJob() {}

    /** String.format, the same in every locale. */
    static String format(String template, Object... values) {
        return String.format(Locale.ROOT, template, values);
    }

    /** Writes the smallest job that trains, with its rows: 2 epochs of 3 steps on 2 shards. */
    static Path smallest(Path folder) throws IOException {
        Files.writeString(folder.resolve("train.csv"), "text,label\n" + "great plot,yes\nbad end,no\n".repeat(6));
        return Files.writeString(folder.resolve("job.yaml"), format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}}
                lora:
                  groups: {top: {target_modules: [query], layers_to_transform: [11]}}
                schedule: {live: [top]}
                training: {num_train_epochs: 2, batch_size: 4, shards: 2}
                """, TINY_MODEL, folder.resolve("train.csv")));
    }

    /** Writes sixty rows of two labels and different lengths. */
    static Path sixtyRows(Path folder) throws IOException {
        Random random = new Random(8);
        StringBuilder rows = new StringBuilder("text,label\n");
        for (int i = 0; i < 60; i++) {
            boolean yes = random.nextBoolean();
            rows.append(yes ? "love the " : "hate ").append("plot ".repeat(1 + random.nextInt(6)));
            rows.append("tok").append(random.nextInt(80)).append(yes ? ",yes\n" : ",no\n");
        }
        return Files.writeString(folder.resolve("train.csv"), rows);
    }

    /** What a command ended with. */
    record Ended(int code, String out, String err) {}

    /** Runs a command under a master, with stdout and stderr kept. */
    static synchronized Ended run(String master, String... args) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream keptOut = new ByteArrayOutputStream();
        ByteArrayOutputStream keptErr = new ByteArrayOutputStream();
        System.setProperty("spark.master", master);
        System.setProperty("spark.ui.enabled", "false");
        System.getProperties().putIfAbsent("spark.sql.shuffle.partitions", "4");
        System.setOut(new PrintStream(keptOut, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(keptErr, true, StandardCharsets.UTF_8));
        try {
            int code = Main.run(args);
            return new Ended(code, keptOut.toString(StandardCharsets.UTF_8), keptErr.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
            System.clearProperty("spark.master");
        }
    }

    /** {@code train} with a job file and overrides, into {@code output}. */
    static Ended train(String master, Path job, Path output, String... overrides) {
        List<String> args =
                new ArrayList<>(List.of("train", "--config", job.toString(), "--output", output.toString()));
        Arrays.stream(overrides).forEach(o -> args.addAll(List.of("--set", o)));
        return run(master, args.toArray(String[]::new));
    }

    /** The files that Spark wrote into a folder, in the order of their rows. */
    static List<Path> parts(Path output) throws IOException {
        try (Stream<Path> files = Files.list(output)) {
            return files.filter(f -> f.getFileName().toString().startsWith("part-"))
                    .sorted()
                    .toList();
        }
    }

    /** Events of a kind in a run's history, in order. */
    static List<JsonNode> events(Path output, String event) {
        try {
            List<JsonNode> found = new ArrayList<>();
            for (String line : Files.readAllLines(output.resolve("history.jsonl"))) {
                JsonNode json = JSON.readTree(line);
                if (json.get("event").asText().equals(event)) {
                    found.add(json);
                }
            }
            return found;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** status.json. */
    static JsonNode status(Path output) {
        try {
            return JSON.readTree(output.resolve("status.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
