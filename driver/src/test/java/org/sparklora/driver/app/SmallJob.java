package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** A small valid job with its own model. Each test breaks one thing about it. */
final class SmallJob {

    private static final Path TWO_LAYERS = TrainingJob.TINY_MODEL.resolveSibling("tiny-bert-2l-reg");

    /** An invalid master. A command that starts Spark fails with another error than the test expects. */
    private static final String NO_SPARK = "none";

    private static final String PROGRAM = "spark-lora: ";
    private static final Pattern CODE_AT_END = Pattern.compile(" \\[[a-z]+(\\.[a-z0-9-]+)+]$");

    private final Path folder;

    SmallJob(Path folder) {
        this.folder = folder;
        try {
            Files.createDirectories(model());
            try (Stream<Path> files = Files.list(TWO_LAYERS)) {
                for (Path file : files.toList()) {
                    Files.copy(file, model().resolve(file.getFileName()));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        write("train.csv", "text,label\ngood movie,yes\nbad movie,no\nthe plot was great,yes\nvery bad end,no\n");
        write("job.yaml", TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data:
                  train: {path: "%s"}
                lora:
                  r: 4
                  lora_alpha: 8
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [1]}
                    bottom: {target_modules: [query], layers_to_transform: [0]}
                schedule:
                  live: [top]
                  events: [{epoch: 1, thaw: [bottom]}]
                training: {num_train_epochs: 2, batch_size: 2, shards: 2, learning_rate: 0.001}
                """, model(), trainCsv()));
    }

    Path model() {
        return folder.resolve("model");
    }

    Path trainCsv() {
        return folder.resolve("train.csv");
    }

    Path output() {
        return folder.resolve("run");
    }

    Path write(String name, String text) {
        try {
            return Files.writeString(folder.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void replaceInModel(String file, String from, String to) {
        try {
            String text = Files.readString(model().resolve(file));
            assertThat(text).contains(from);
            write("model/" + file, text.replace(from, to));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void changeTensors(Path file, Consumer<SortedMap<String, Tensor>> change) {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            in.names().forEach(name -> tensors.put(name, in.tensor(name)));
        }
        change.accept(tensors);
        try {
            SafetensorsWriter.write(file, tensors);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs {@code train} with errors that are found before Spark starts. Arguments without -- are overrides. */
    TrainingJob.Ended trainWithoutSpark(String... arguments) {
        return train(NO_SPARK, arguments);
    }

    TrainingJob.Ended train(String... arguments) {
        return train("local[2]", arguments);
    }

    private TrainingJob.Ended train(String master, String... arguments) {
        List<String> args = new ArrayList<>(
                List.of("train", "--config", folder.resolve("job.yaml").toString(), "--output", output().toString()));
        Arrays.stream(arguments)
                .flatMap(a -> a.startsWith("--") ? Stream.of(a) : Stream.of("--set", a))
                .forEach(args::add);
        return TrainingJob.run(master, args.toArray(String[]::new));
    }

    /**
     * Checks that the command ended with an exit code and one error, whose text holds these facts in this order. {@code DIR} in
     * a fact stands for the test's folder. Every line of the error has an error code.
     */
    void refused(TrainingJob.Ended ended, ExitCode exit, String... facts) {
        String error = error(ended);
        assertThat(error)
                .containsSubsequence(Arrays.stream(facts)
                        .map(fact -> fact.replace("DIR", folder.toString()))
                        .toList());
        assertThat(ended.code()).isEqualTo(exit.code());
        assertThat(ended.err()).doesNotContain("\tat org.");
        assertThat(ended.out()).isEmpty();
    }

    /** As {@link #refused}. In addition status.json has the error, and no adapter was written. */
    void failed(TrainingJob.Ended ended, ExitCode exit, String... facts) {
        refused(ended, exit, facts);
        JsonNode status = TrainingJob.status(output());
        assertThat(status.get("state").asText()).isEqualTo("failed");
        assertThat(status.get("exit_code").asInt()).isEqualTo(exit.code());
        assertThat(status.get("message").asText()).isEqualTo(error(ended));
        assertThat(output().resolve("adapter")).doesNotExist();
    }

    /** The one error that a command printed: a line that begins with the program's name, and further lines with a code. */
    static String error(TrainingJob.Ended ended) {
        List<String> lines = ended.err().lines().toList();
        List<Integer> starts = IntStream.range(0, lines.size())
                .filter(i -> lines.get(i).startsWith(PROGRAM) && !lines.get(i).startsWith(PROGRAM + "warning: "))
                .boxed()
                .toList();
        assertThat(starts).as(ended.err()).hasSize(1);
        List<String> error = lines.subList(starts.get(0), lines.size()).stream()
                .takeWhile(line -> CODE_AT_END.matcher(line).find())
                .toList();
        assertThat(error).as("lines with an error code in %s", ended.err()).isNotEmpty();
        return String.join("\n", error).substring(PROGRAM.length());
    }
}
