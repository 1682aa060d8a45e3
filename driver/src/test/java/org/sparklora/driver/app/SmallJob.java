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
import java.util.stream.Stream;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** A small job that works, with a model of its own; each test breaks one thing about it. */
final class SmallJob {

    private static final Path TWO_LAYERS = TrainingJob.TINY_MODEL.resolveSibling("tiny-bert-2l-reg");

    /** No master: a command that gets as far as starting Spark fails in another way than the test expects. */
    private static final String NO_SPARK = "none";

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

    /** {@code train} where everything is found out before Spark starts; options begin with --, the rest are overrides. */
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

    /** The command ended with this code and these lines; {@code DIR} in them stands for the test's folder. */
    void refused(TrainingJob.Ended ended, ExitCode code, String... lines) {
        List<String> said = ended.err().lines().toList();
        List<String> wanted = Arrays.stream(lines)
                .map(l -> l.replace("DIR", folder.toString()))
                .toList();
        assertThat(said.stream().filter(l -> l.startsWith("spark-lora: ")))
                .as(ended.err())
                .containsExactly("spark-lora: " + wanted.get(0));
        int first = said.indexOf("spark-lora: " + wanted.get(0));
        assertThat(said.subList(first + 1, said.size()).stream().limit(wanted.size() - 1L))
                .containsExactlyElementsOf(wanted.subList(1, wanted.size()));
        assertThat(ended.code()).isEqualTo(code.code());
        assertThat(ended.err()).doesNotContain("\tat org.");
        assertThat(ended.out()).isEmpty();
    }

    /** As {@link #refused}, and recorded in status.json; there is no adapter. */
    void failed(TrainingJob.Ended ended, ExitCode code, String... lines) {
        refused(ended, code, lines);
        JsonNode status = TrainingJob.status(output());
        assertThat(status.get("state").asText()).isEqualTo("failed");
        assertThat(status.get("exit_code").asInt()).isEqualTo(code.code());
        assertThat(status.get("message").asText())
                .isEqualTo(String.join("\n", lines).replace("DIR", folder.toString()));
        assertThat(output().resolve("adapter")).doesNotExist();
    }
}
