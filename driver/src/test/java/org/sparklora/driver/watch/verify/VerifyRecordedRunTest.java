package org.sparklora.driver.watch.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunStatus;

class VerifyRecordedRunTest {

    @TempDir
    private Path folder;

    private RecordedRun read() {
        return RecordedRun.read(new LocalRunDirectory(folder));
    }

    @Test
    void aDirectoryWithoutARunIsRefused() throws IOException {
        assertThatThrownBy(this::read).hasMessageContainingAll(folder.toString(), "[usage.run-missing]");
        Files.writeString(folder.resolve("notes.txt"), "mine");
        assertThatThrownBy(this::read).hasMessageContainingAll(folder.toString(), "[usage.run-missing]");
        assertThatThrownBy(() -> RecordedRun.read(new LocalRunDirectory(folder.resolve("notes.txt"))))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll("notes.txt", "[usage.run-missing]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"history.jsonl", "status.json", "manifest.json", "adapter/adapter_model.safetensors"})
    void aFinishedRunHasAllItsFiles(String name) throws IOException {
        new SampleRun(folder).write();
        Files.delete(folder.resolve(name));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(folder + "/" + name, "[run.missing]");
    }

    @Test
    void aRunThatDidNotFinishHasNoResults() throws IOException {
        SampleRun run = new SampleRun(folder);
        run.ending = RunStatus.failed(3, "data");
        run.write();
        assertThat(read().results()).isEmpty();
        Files.delete(folder.resolve("history.jsonl"));
        assertThat(read().events("step")).isEmpty();
    }

    @Test
    void aHistoryCutWithinALineIsDamagedAtThatLine() {
        new SampleRun(folder).write();
        SampleRun.edit(folder.resolve("history.jsonl"), text -> text.substring(0, text.indexOf("\"loss\"") + 4));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(folder + "/history.jsonl line 2 ", "{\"event\":\"step\"", "[run.damaged]");
    }

    @Test
    void aHistoryCutBetweenLinesIsIncomplete() {
        new SampleRun(folder).write();
        SampleRun.edit(folder.resolve("history.jsonl"), text -> text.substring(0, text.indexOf('\n') + 1));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(folder + "/history.jsonl", "[run.history-incomplete]");
    }

    @Test
    void linesThatAreNotEventsAreDamage() throws IOException {
        new SampleRun(folder).write();
        Path history = folder.resolve("history.jsonl");
        String good = Files.readString(history);
        for (String line : new String[] {"[1]", "{}", "\"step\"", "{\"event\":\"step\",\"epoch\":0}", ""}) {
            Files.writeString(history, good + line + "\n");
            assertThatThrownBy(this::read)
                    .as(line)
                    .isInstanceOf(CorruptRunException.class)
                    .hasMessageContainingAll("history.jsonl line 13 ", "[run.damaged]");
        }
        Files.write(history, new byte[] {(byte) 0xff, 10});
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(history.toString(), "UTF-8", "[run.damaged]");
    }

    @Test
    void aChangedAdapterIsRefused() throws IOException {
        new SampleRun(folder).write();
        Path adapter = folder.resolve("adapter/adapter_model.safetensors");
        byte[] bytes = Files.readAllBytes(adapter);
        bytes[bytes.length - 1] ^= 1;
        Files.write(adapter, bytes);
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(adapter.toString(), "sha256", "[run.adapter-changed]");
    }

    @Test
    void aChangedManifestAndABrokenStatusAreDamage() throws IOException {
        new SampleRun(folder).write();
        SampleRun.edit(folder.resolve("manifest.json"), text -> text.replace("\"r\" : 2", "\"r\" : 3"));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(folder + "/manifest.json", "[run.damaged]");
        SampleRun.edit(folder.resolve("status.json"), text -> "{");
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageContainingAll(folder + "/status.json", "[run.damaged]");
    }
}
