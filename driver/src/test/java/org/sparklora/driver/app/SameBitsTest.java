package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.lora.LoraVariant;

/** The adapter's bits depend only on job, data and seed. */
class SameBitsTest {

    private static final String[] WORDS = {"movie", "plot", "great", "bad", "love", "hate", "the", "was", "very", "end"
    };

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        writeRows(rows());
        job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                seed: 9
                model: {path: "%s", max_length: 32}
                data:
                  train: {path: "%s"}
                  validation: {fraction: 0.2}
                lora:
                  r: 4
                  lora_alpha: 8
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11], purpose: top}
                    bottom: {target_modules: [query, value], layers_to_transform: [0], learning_rate_scale: 0.5, warmup_steps: 3}
                schedule:
                  live: [top]
                  events: [{epoch: 1, thaw: [bottom]}]
                training: {num_train_epochs: 2, batch_size: 10, shards: 4, learning_rate: 0.005, gradient_accumulation_steps: 2}
                execution: {base_dropout: 0.1, head_dropout: 0.1}
                """, TrainingJob.TINY_MODEL, folder.resolve("train.csv")));
    }

    /** 53 rows with many duplicates. 53 is not a multiple of the number of shards or of the batch size. */
    private static List<String> rows() {
        Random random = new Random(5);
        List<String> rows = new ArrayList<>();
        while (rows.size() < 53) {
            StringBuilder text = new StringBuilder();
            int words = 1 + random.nextInt(9);
            for (int w = 0; w < words; w++) {
                text.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
            }
            String row = text.toString().trim() + "," + (random.nextBoolean() ? "yes" : "no");
            for (int copy = 0; copy <= rows.size() % 3 && rows.size() < 53; copy++) {
                rows.add(row);
            }
        }
        return rows;
    }

    private void writeRows(List<String> rows) throws IOException {
        Files.writeString(folder.resolve("train.csv"), "text,label\n" + String.join("\n", rows) + "\n");
    }

    private Path train(String name, String master, String... overrides) {
        Path output = folder.resolve(name);
        TrainingJob.Ended ended = TrainingJob.train(master, job, output, overrides);
        assertThat(ended.code()).as(ended.err()).isZero();
        return output;
    }

    /** The job's keys of a LoRA variant, and others. */
    private static String[] settings(LoraVariant variant, String... others) {
        return Stream.concat(
                        variant.settings().entrySet().stream()
                                .map(key -> "lora." + key.getKey() + "=" + key.getValue()),
                        Stream.of(others))
                .toArray(String[]::new);
    }

    private static byte[] adapter(Path output) throws IOException {
        return Files.readAllBytes(output.resolve("adapter/adapter_model.safetensors"));
    }

    private static List<List<String>> numbers(Path output) {
        return TrainingJob.events(output, "step").stream()
                .map(s -> List.of(
                        s.get("loss").asText(),
                        s.get("grad_norm").asText(),
                        s.get("examples").asText()))
                .toList();
    }

    private static List<JsonNode> validation(Path output) {
        return TrainingJob.events(output, "epoch_end").stream()
                .map(e -> e.get("validation"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void oneAndTwoCoresGiveTheSameBits(LoraVariant variant) throws IOException {
        Path one = train("one", "local[1]", settings(variant));
        Path two = train("two", "local[2]", settings(variant));
        Path three = train("three", "local[3]", settings(variant));
        assertThat(adapter(two)).isEqualTo(adapter(one));
        assertThat(adapter(three)).isEqualTo(adapter(one));
        assertThat(numbers(two)).isEqualTo(numbers(one));
        assertThat(validation(two)).isEqualTo(validation(one));
        assertThat(TrainingJob.status(two).get("adapter_sha256"))
                .isEqualTo(TrainingJob.status(one).get("adapter_sha256"));
        assertThat(TrainingJob.run("local[1]", "verify", one.toString(), three.toString())
                        .out())
                .startsWith("same: ");
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void bothExchangesGiveTheSameBits(LoraVariant variant) throws IOException {
        Path driver = train("driver", "local[2]", settings(variant, "execution.exchange=driver"));
        Path peer = train("peer", "local[3]", settings(variant, "execution.exchange=peer"));
        assertThat(adapter(peer)).isEqualTo(adapter(driver));
        assertThat(numbers(peer)).isEqualTo(numbers(driver));
        assertThat(TrainingJob.events(peer, "run")
                        .get(0)
                        .at("/choices/exchange")
                        .asText())
                .startsWith("peer: ");
    }

    @Test
    void theOrderOfTheInputDoesNotMatter() throws IOException {
        Path first = train("first", "local[2]");
        List<String> shuffled = new ArrayList<>(rows());
        Collections.shuffle(shuffled, new Random(77));
        writeRows(shuffled);
        assertThat(adapter(train("again", "local[2]"))).isEqualTo(adapter(first));
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void aDormantGroupChangesNothing(LoraVariant variant) throws IOException {
        Path without = train("without", "local[2]", settings(variant));
        Path with = train(
                "with",
                "local[2]",
                settings(
                        variant,
                        "lora.groups.middle={target_modules: [query, value, key], layers_to_transform: [5, 6], r: 3}"));
        assertThat(adapter(with)).isEqualTo(adapter(without));
        assertThat(numbers(with)).isEqualTo(numbers(without));
        assertThat(validation(with)).isEqualTo(validation(without));
        assertThat(TrainingJob.events(with, "epoch_start").get(0).get("dormant"))
                .hasToString("[\"bottom\",\"middle\"]");
    }

    @Test
    void anotherSeedGivesOtherBits() throws IOException {
        Path other = train("other", "local[2]", "seed=10");
        Path that = train("that", "local[2]");
        assertThat(adapter(other)).isNotEqualTo(adapter(that));
        TrainingJob.Ended ended = TrainingJob.run("local[1]", "verify", other.toString(), that.toString());
        assertThat(ended.code()).isEqualTo(8);
        assertThat(ended.out()).contains("epoch 0, step 0", "loss");
        assertThat(ended.err()).contains("seeds.seed", "10", "9").hasLineCount(1);
    }
}
