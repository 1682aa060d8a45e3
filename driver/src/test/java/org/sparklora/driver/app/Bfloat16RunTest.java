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
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.app.TrainingJob.Ended;
import org.sparklora.worker.machine.Machine;

/** Whole runs whose frozen layers are bfloat16. */
class Bfloat16RunTest {

    private static final String BFLOAT16 = "execution.precision=bfloat16";

    @TempDir
    private Path folder;

    private Path job;
    private Path data;

    @BeforeAll
    static void requireProcessor() {
        assumeTrue(Machine.hardware().hasBfloat16(), "this processor has no instructions for bfloat16");
    }

    @BeforeEach
    void writeJob() throws IOException {
        data = TrainingJob.sixtyRows(folder);
        job = Files.writeString(
                folder.resolve("job.yaml"), TrainingJob.format("""
                seed: 9
                model: {path: "%s", max_length: 32}
                data: {train: {path: "%s"}, validation: {path: "%s"}}
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
                training: {num_train_epochs: 4, batch_size: 8, shards: 4, learning_rate: 0.005, lr_scheduler_type: constant}
                execution: {base_dropout: 0.1, head_dropout: 0.1, exchange: driver}
                """, TrainingJob.TINY_MODEL, data, data));
    }

    private Path train(String name, String master, String... overrides) {
        Path output = folder.resolve(name);
        ok(TrainingJob.train(master, job, output, overrides));
        return output;
    }

    private static Ended ok(Ended ended) {
        assertThat(ended.code()).as(ended.err()).isZero();
        return ended;
    }

    private static String adapter(Path output) {
        return TrainingJob.status(output).get("adapter_sha256").asText();
    }

    @Test
    void theClusterAndTheCacheChangeNoBit() {
        Path one = train("one", "local[1]", BFLOAT16);
        JsonNode choices = TrainingJob.events(one, "run").get(0).get("choices");
        assertThat(choices.get("precision").asText()).isEqualTo("bfloat16");
        assertThat(choices.get("kernel").asText()).isEqualTo("onednn");
        Path peer = train(
                "peer", "local[3]", BFLOAT16, "execution.exchange=peer", "execution.activation_cache_type=bfloat16");
        assertThat(adapter(peer)).as("cached activations lose nothing").isEqualTo(adapter(one));
        assertThat(TrainingJob.events(peer, "kept").get(0).get("bytes").asLong() * 2)
                .isEqualTo(TrainingJob.events(one, "kept").get(0).get("bytes").asLong());
        assertThat(adapter(train("float32", "local[2]")))
                .as("float32 rounds in another way")
                .isNotEqualTo(adapter(one));
    }

    @Test
    void aResumedRunKeepsItsPrecision() {
        Path wanted = train("wanted", "local[2]", BFLOAT16);
        Path run = train("run", "local[2]", BFLOAT16, "training.num_train_epochs=2");
        String[] resume = {"train", "--resume", "--config", job.toString(), "--output", run.toString()};
        ok(TrainingJob.run("local[1]", resume));
        assertThat(adapter(run)).as("the job does not say it").isEqualTo(adapter(wanted));
        List<String> args = new ArrayList<>(List.of(resume));
        args.addAll(List.of("--set", "execution.precision=float32"));
        Ended refused = TrainingJob.run("local[1]", args.toArray(String[]::new));
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err())
                .contains("execution.precision: bfloat16 → float32", "--set execution.precision=bfloat16");
    }

    @Test
    void evaluateEqualsTheRecordedValidationUnlessAnotherPrecisionIsAskedFor() throws IOException {
        Path run = train("run", "local[2]", BFLOAT16);
        List<JsonNode> ends = TrainingJob.events(run, "epoch_end");
        double recorded = ends.get(ends.size() - 1).at("/validation/loss").asDouble();
        assertThat(loss(run)).isEqualTo(recorded, within(1e-6));
        assertThat(loss(run, "--precision", "bfloat16")).isEqualTo(recorded, within(1e-6));
        assertThat(loss(run, "--precision", "float32"))
                .isNotCloseTo(recorded, within(1e-6))
                .isEqualTo(recorded, within(0.05));
        Ended wrong = evaluate(run, "--precision", "float16");
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err()).contains("float16", "[usage.option-value]");
    }

    private Ended evaluate(Path run, String... options) {
        List<String> args = new ArrayList<>(List.of("evaluate", "--run", run.toString(), "--data", data.toString()));
        args.addAll(List.of(options));
        return TrainingJob.run("local[2]", args.toArray(String[]::new));
    }

    private double loss(Path run, String... options) throws IOException {
        String[] lines = ok(evaluate(run, options)).out().strip().split("\n");
        return new ObjectMapper().readTree(lines[lines.length - 1]).get("loss").asDouble();
    }
}
