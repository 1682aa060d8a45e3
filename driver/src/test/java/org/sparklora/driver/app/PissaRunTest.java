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
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.training.ExitCode;

/** PiSSA through the command line: its adapter is saved as a plain one of twice the rank. */
class PissaRunTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String PISSA = "lora.init_lora_weights=pissa";

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void writeJob() {
        job = new SmallJob(folder);
    }

    private Path train(String... settings) {
        return trained(job.train(with(settings)));
    }

    private static String[] with(String... settings) {
        return Stream.concat(Stream.of(PISSA), Stream.of(settings)).toArray(String[]::new);
    }

    private Path trained(TrainingJob.Ended ended) {
        assertThat(ended.code()).as(ended.err()).isZero();
        return job.output();
    }

    private static JsonNode json(Path file) throws IOException {
        return JSON.readTree(file.toFile());
    }

    private static byte[] weights(Path run) throws IOException {
        return Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"));
    }

    private TrainingJob.Ended command(String name, String... arguments) {
        List<String> all = new ArrayList<>(List.of(name, "--run", job.output().toString()));
        all.addAll(List.of(arguments));
        TrainingJob.Ended ended = TrainingJob.run("local[2]", all.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
        return ended;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theAdapterIsPlainAndEvaluatesAsInTheRun(boolean rankStabilized) throws IOException {
        Path run = train(
                "lora.use_rslora=" + rankStabilized,
                "lora.bias=lora_only",
                "lora.groups.idle={target_modules: [key], layers_to_transform: [0]}",
                "data.validation={path: " + folder.resolve("train.csv") + "}");
        JsonNode config = json(run.resolve("adapter/adapter_config.json"));
        assertThat(config.get("r").asInt()).isEqualTo(8);
        assertThat(config.get("lora_alpha").asDouble())
                .isCloseTo(rankStabilized ? 8 * Math.sqrt(2) : 16, within(1e-12));
        assertThat(config.get("init_lora_weights").asBoolean()).isTrue();
        assertThat(config.get("target_modules")).hasSize(3);
        List<JsonNode> epochs = TrainingJob.events(run, "epoch_end");
        String[] lines = command("evaluate", "--data", job.trainCsv().toString())
                .out()
                .strip()
                .split("\n");
        assertThat(JSON.readTree(lines[lines.length - 1]).get("loss").asDouble())
                .isCloseTo(epochs.get(1).at("/validation/loss").asDouble(), within(1e-5));
    }

    /** The first process decomposes the top group, the second one the bottom group. */
    @ParameterizedTest
    @ValueSource(strings = {"pissa", "pissa_niter_2"})
    void aResumedRunHasTheBitsOfOneThatNeverStopped(String init) throws IOException {
        String[] all = with("lora.init_lora_weights=" + init, "training.lr_scheduler_type=constant");
        byte[] whole = weights(train(all));
        String[] shorter = Stream.concat(Stream.of(all), Stream.of("training.num_train_epochs=1", "--overwrite"))
                .toArray(String[]::new);
        trained(job.train(shorter));
        String[] rest = Stream.concat(Stream.of(all), Stream.of("--resume")).toArray(String[]::new);
        assertThat(weights(trained(job.train(rest)))).isEqualTo(whole);
        job.refused(
                job.train("training.lr_scheduler_type=constant", "--resume"),
                ExitCode.USAGE,
                "lora.init_lora_weights",
                "[usage.resume-job-changed]");
    }

    @Test
    void aPlainJobMayStartFromTheAdapterAndAPissaJobFromNone() throws IOException {
        Path run = train();
        Path start = folder.resolve("start");
        Files.createDirectories(start);
        for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
            Files.copy(run.resolve("adapter").resolve(file), start.resolve(file));
        }
        trained(job.train("lora.r=8", "lora.lora_alpha=16", "lora.init_adapter=" + start, "--overwrite"));
        job.refused(
                job.trainWithoutSpark(with("lora.init_adapter=" + start, "--overwrite")),
                ExitCode.MODEL,
                "DIR/start",
                "plain LoRA",
                "pissa",
                "[adapter.mismatch]");
    }

    @Test
    void aRankThatCannotBeSavedIsRefused() {
        job.refused(
                job.trainWithoutSpark(with("lora.groups.top.r=13")),
                ExitCode.USAGE,
                "pissa",
                "twice its rank",
                "2 x 13",
                "24 x 24",
                "[manifest.rank.invalid]");
        job.refused(
                job.trainWithoutSpark(with("lora.use_dora=true")),
                ExitCode.USAGE,
                "use_dora true",
                "init_lora_weights pissa",
                "[config.value.conflict]");
    }

    @Test
    void thePlanCountsOneResidualOfEachAdaptedWeight() {
        String config = folder.resolve("job.yaml").toString();
        TrainingJob.Ended ended = TrainingJob.run("local[2]", "plan", "--config", config, "--set", PISSA);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("6.9 kB of residual weights of adapted modules, once a JVM");
    }

    @Test
    void peftAndTransformersPredictWhatWePredictWithSeveralRanks() throws Exception {
        PythonWitness python = PythonWitness.withPeft();
        python.requireSameProbabilities(job, train("training.learning_rate=0.05", "lora.groups.bottom.r=2"));
    }
}
