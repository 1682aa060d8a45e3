package org.sparklora.driver.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.config.HubId;

/** huggingface_hub and this package read each other's cache. PEFT_PYTHON names a Python other than python3. */
class HubPythonTest {

    private static final String PYTHON = System.getenv().getOrDefault("PEFT_PYTHON", "python3");
    private static final String ID = "owner/model";

    @TempDir
    private Path folder;

    private final HubServer server = new HubServer();
    private final Map<String, String> variables = new TreeMap<>();

    @BeforeEach
    void push() throws IOException, InterruptedException {
        variables.put("HF_ENDPOINT", server.endpoint());
        variables.put("HF_HOME", folder.toString());
        assumeTrue(runs("import huggingface_hub"), "skipped: no Python with huggingface_hub; name one as PEFT_PYTHON");
        Map<String, byte[]> files = new TreeMap<>();
        for (String name : List.of("config.json", "model.safetensors", "tokenizer.json", "README.md")) {
            files.put(name, ("of " + name).repeat(1_000).getBytes(StandardCharsets.UTF_8));
        }
        server.push(ID, files);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private boolean runs(String program) throws IOException, InterruptedException {
        try {
            return python(program).waitFor() == 0;
        } catch (IOException e) {
            return false; // There is no such program.
        }
    }

    private Process python(String program) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(PYTHON, "-c", program)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("said").toFile());
        builder.environment().putAll(variables);
        return builder.start();
    }

    private String says(String program) throws IOException, InterruptedException {
        int code = python(program).waitFor();
        String said = Files.readString(folder.resolve("said"));
        assertThat(code).as(said).isZero();
        return said.strip();
    }

    private Hub.Snapshot find() {
        HubClient.Pace pace = new HubClient.Pace(Duration.ofMillis(10), Duration.ofMinutes(1), time -> {});
        return new Hub(new HubSettings(variables), pace, text -> {})
                .find(HubId.of(ID).orElseThrow(), HubFiles.MODEL);
    }

    @Test
    void itReadsWhatWeDownloaded() throws IOException, InterruptedException {
        Hub.Snapshot ours = find();
        server.close();
        variables.put("HF_HUB_OFFLINE", "1");
        String program = """
                from huggingface_hub import hf_hub_download, snapshot_download
                print(snapshot_download('owner/model'))
                print(hf_hub_download('owner/model', 'model.safetensors'))
                """;
        assertThat(says(program).lines())
                .containsExactly(ours.directory().toString(), ours.directory() + "/model.safetensors");
    }

    @Test
    void weReadWhatItDownloaded() throws IOException, InterruptedException {
        String program = """
                from huggingface_hub import hf_hub_download
                for name in ['config.json', 'model.safetensors', 'tokenizer.json']:
                    print(hf_hub_download('owner/model', name))
                """;
        List<String> theirs = says(program).lines().toList();
        server.takeCalls();
        Hub.Snapshot found = find();
        // Which files there are, only the hub knows.
        assertThat(server.takeCalls())
                .containsExactly("GET /api/models/owner/model/revision/"
                        + found.directory().getFileName());
        assertThat(found.downloaded()).isZero();
        assertThat(found.files().stream().map(found.directory()::resolve).map(Path::toString))
                .containsExactlyInAnyOrderElementsOf(theirs);
        server.close();
        assertThat(find()).isEqualTo(found);
    }
}
