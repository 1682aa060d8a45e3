package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.model.hub.HubServer;

/** Commands with models and adapters of a hub, in processes of their own: the hub's address is an environment variable. */
class HubCommandTest {

    private static final String TOKEN = "hf_secretOfThisTest";
    private static final String MODEL = "owner/tiny-bert";
    private static final String ADAPTER = "owner/tiny-adapter";

    @TempDir
    private Path folder;

    private final HubServer server = new HubServer();
    private String commit = "";
    private Path job = Path.of("");

    @BeforeEach
    void push() throws IOException {
        commit = server.push(MODEL, files(TrainingJob.TINY_MODEL));
        server.protect(MODEL, TOKEN, true);
        job = TrainingJob.smallest(folder);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static Map<String, byte[]> files(Path directory) throws IOException {
        Map<String, byte[]> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        return contents;
    }

    /** Runs a command in an empty folder and returns what it ended with. */
    private TrainingJob.Ended run(Map<String, String> settings, String... args) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g"));
        // Spark needs the packages that this process opens.
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.matches("(--add-opens|-XX:.Ignore|-Dlog4j|-Dspark|-Dai).*"))
                .forEach(command::add);
        Map<String, String> properties = new TreeMap<>(settings);
        properties.putIfAbsent("spark.master", "local[2]");
        properties.put("spark.ui.enabled", "false");
        properties.put("spark.sql.shuffle.partitions", "4");
        properties.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(List.of(args));
        Path out = Files.createTempFile(folder, "out", "");
        Path err = Files.createTempFile(folder, "err", "");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(Files.createDirectories(folder.resolve("empty")).toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment()
                .putAll(Map.of(
                        "HF_ENDPOINT",
                        server.endpoint(),
                        "HF_HOME",
                        folder.resolve("hf").toString(),
                        "HF_TOKEN",
                        TOKEN,
                        "SPARK_LOCAL_IP",
                        "127.0.0.1"));
        try {
            int code = builder.start().waitFor();
            return new TrainingJob.Ended(code, Files.readString(out), Files.readString(err));
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private TrainingJob.Ended train(Path output, String... overrides) throws IOException {
        List<String> args =
                new ArrayList<>(List.of("train", "--config", job.toString(), "--output", output.toString()));
        for (String override : overrides) {
            args.addAll(override.startsWith("--") ? List.of(override) : List.of("--set", override));
        }
        return run(Map.of(), args.toArray(String[]::new));
    }

    @Test
    void aRunOfAModelOfTheHubIsTheRunOfItsDirectory() throws IOException {
        String[] once = {"training.num_train_epochs=1", "training.lr_scheduler_type=constant"};
        Path ofDirectory = folder.resolve("of-directory");
        assertThat(TrainingJob.train("local[2]", job, ofDirectory, once).code()).isZero();

        Path output = folder.resolve("of-hub");
        TrainingJob.Ended ended = train(output, "model.path=" + MODEL, once[0], once[1]);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err())
                .containsPattern(
                        "model.path " + MODEL + "@" + commit + ": [0-9.]+ kB downloaded to " + folder + "/hf/hub/");
        assertThat(output.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(ofDirectory.resolve("adapter/adapter_model.safetensors"));
        assertThat(Files.readString(output.resolve("config.yaml"))).contains(MODEL + "@" + commit);
        assertThat(TrainingJob.events(output, "run")).singleElement().asString().contains(MODEL + "@" + commit);
        assertThat(Files.readString(output.resolve("adapter/adapter_config.json")))
                .contains("\"base_model_name_or_path\": \"" + MODEL + "\"", "\"revision\": \"" + commit + "\"");
        assertThat(Files.readString(output.resolve("adapter/README.md"))).contains("base_model: \"" + MODEL + "\"");

        // The branch moves, and the cache forgets where it was. What has begun stays at its commit, and nothing asks
        // the hub.
        server.push(MODEL, Map.of("config.json", "{}".getBytes(StandardCharsets.UTF_8)));
        Files.delete(folder.resolve("hf/hub/models--owner--tiny-bert/refs/main"));
        server.calls.clear();
        String data = folder.resolve("train.csv").toString();
        TrainingJob.Ended evaluated = run(Map.of(), "evaluate", "--run", output.toString(), "--data", data);
        assertThat(evaluated.code()).as(evaluated.err()).isZero();
        assertThat(evaluated.out())
                .isEqualTo(TrainingJob.run("local[2]", "evaluate", "--run", ofDirectory.toString(), "--data", data)
                        .out());
        TrainingJob.Ended resumed = train(output, "model.path=" + MODEL, once[1], "--resume");
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(TrainingJob.events(output, "epoch_end")).hasSize(2);
        assertThat(server.calls).isEmpty();

        TrainingJob.Ended other = train(output, "model.path=" + MODEL + "@main", once[1], "--resume");
        assertThat(other.code()).isEqualTo(2);
        assertThat(other.err()).contains("model.path: " + MODEL + "@" + commit + " → " + MODEL + "@");

        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
                        .as("%s", file)
                        .doesNotContain(TOKEN);
            }
        }
    }

    @Test
    void anAdapterOfTheHubIsWhereARunStarts() throws IOException {
        Path first = folder.resolve("first");
        assertThat(TrainingJob.train("local[2]", job, first).code()).isZero();
        Path ofDirectory = folder.resolve("of-directory");
        assertThat(TrainingJob.train("local[2]", job, ofDirectory, "lora.init_adapter=" + first.resolve("adapter"))
                        .code())
                .isZero();
        String revision = server.push(ADAPTER, files(first.resolve("adapter")));
        Path ofHub = folder.resolve("of-hub");
        TrainingJob.Ended ended = train(ofHub, "lora.init_adapter=" + ADAPTER);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ofHub.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(ofDirectory.resolve("adapter/adapter_model.safetensors"));
        assertThat(Files.readString(ofHub.resolve("config.yaml"))).contains(ADAPTER + "@" + revision);
    }

    @Test
    void anErrorNamesBothReadings() throws IOException {
        String config = job.toString();
        TrainingJob.Ended ended = run(Map.of(), "plan", "--config", config, "--set", "model.path=owner/none");
        assertThat(ended.code()).isEqualTo(4);
        assertThat(ended.err())
                .contains("model.path owner/none is not a directory here; as the id of a repository on a hub: "
                        + server.endpoint() + "/owner/none does not exist")
                .contains("[model.hub-missing]");
        server.calls.clear();
        TrainingJob.Ended off =
                run(Map.of("spark.lora.hub", "off"), "plan", "--config", config, "--set", "model.path=" + MODEL);
        assertThat(off.code()).isEqualTo(4);
        assertThat(off.err()).contains(MODEL).contains("[model.directory]");
        TrainingJob.Ended wrong =
                run(Map.of("spark.lora.hub", "of"), "plan", "--config", config, "--set", "model.path=" + MODEL);
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err()).contains("spark.lora.hub=of is neither on nor off");
        assertThat(server.calls).isEmpty();
        Path here = Files.createDirectories(folder.resolve("empty/owner/tiny-bert"));
        files(TrainingJob.TINY_MODEL).forEach((name, content) -> {
            try {
                Files.write(here.resolve(name), content);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        TrainingJob.Ended directory = run(Map.of(), "plan", "--config", config, "--set", "model.path=" + MODEL);
        assertThat(directory.code()).as(directory.err()).isZero();
        assertThat(directory.out()).contains(here.toString());
        assertThat(server.calls).isEmpty();
    }
}
