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

    private static final String ADVICE = "; restore the run directory from a copy, or train again";

    @TempDir
    private Path folder;

    private RecordedRun read() {
        return RecordedRun.read(new LocalRunDirectory(folder));
    }

    @Test
    void whatIsNoRunIsSaidToBeNone() throws IOException {
        String message = folder + " holds no run: there is neither history.jsonl nor status.json; check the path";
        assertThatThrownBy(this::read).isInstanceOf(OutputException.class).hasMessage(message);
        Files.writeString(folder.resolve("notes.txt"), "mine");
        assertThatThrownBy(this::read).isInstanceOf(OutputException.class).hasMessage(message);
        assertThatThrownBy(() -> RecordedRun.read(new LocalRunDirectory(folder.resolve("notes.txt"))))
                .isInstanceOf(OutputException.class)
                .hasMessageContaining("notes.txt holds no run");
    }

    @ParameterizedTest
    @ValueSource(strings = {"history.jsonl", "status.json", "manifest.json", "adapter/adapter_model.safetensors"})
    void aFinishedRunHasAllItsFiles(String name) throws IOException {
        new SampleRun(folder).write();
        Files.delete(folder.resolve(name));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessage(folder + "/" + name + " is missing" + ADVICE);
    }

    @Test
    void aRunThatDidNotFinishHasNoResults() throws IOException {
        SampleRun run = new SampleRun(folder);
        run.ending = RunStatus.failed(3, "data");
        run.write();
        assertThat(read().results()).isEmpty();
        Files.delete(folder.resolve("history.jsonl"));
        assertThat(read().history().steps()).isEmpty();
    }

    @Test
    void aHistoryCutInsideALineIsDamagedThere() {
        new SampleRun(folder).write();
        SampleRun.edit(folder.resolve("history.jsonl"), text -> text.substring(0, text.indexOf("\"loss\"") + 4));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageStartingWith(folder
                        + "/history.jsonl is damaged at line 2, which is no whole JSON object: {\"event\":\"step\"")
                .hasMessageEndingWith(ADVICE);
    }

    @Test
    void aHistoryCutBetweenLinesIsNoticedByItsEnd() {
        new SampleRun(folder).write();
        SampleRun.edit(folder.resolve("history.jsonl"), text -> text.substring(0, text.indexOf('\n') + 1));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessage(folder + "/history.jsonl ends before the run does: lines are missing" + ADVICE);
    }

    @Test
    void linesThatAreNoEventsAreDamage() throws IOException {
        new SampleRun(folder).write();
        Path history = folder.resolve("history.jsonl");
        String good = Files.readString(history);
        for (String line : new String[] {"[1]", "{}", "\"step\"", "{\"event\":\"step\",\"epoch\":0}", ""}) {
            Files.writeString(history, good + line + "\n");
            assertThatThrownBy(this::read)
                    .as(line)
                    .isInstanceOf(CorruptRunException.class)
                    .hasMessageContaining("history.jsonl is damaged at line 13");
        }
        Files.write(history, new byte[] {(byte) 0xff, 10});
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessage(history + " is not UTF-8" + ADVICE);
    }

    @Test
    void anAdapterThatWasChangedIsNotCompared() throws IOException {
        new SampleRun(folder).write();
        Path adapter = folder.resolve("adapter/adapter_model.safetensors");
        byte[] bytes = Files.readAllBytes(adapter);
        bytes[bytes.length - 1] ^= 1;
        Files.write(adapter, bytes);
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageStartingWith(adapter + " was changed after the run wrote it: it has sha256 ");
    }

    @Test
    void aCutAdapterAndABrokenManifestOrStatusAreDamage() throws IOException {
        new SampleRun(folder).write();
        SampleRun.edit(folder.resolve("manifest.json"), text -> text.replace("\"r\" : 2", "\"r\" : 3"));
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessageStartingWith(folder + "/manifest.json was changed after it was written");
        SampleRun.edit(folder.resolve("status.json"), text -> "{");
        assertThatThrownBy(this::read)
                .isInstanceOf(CorruptRunException.class)
                .hasMessage(folder + "/status.json is no status of a run" + ADVICE);
    }
}
