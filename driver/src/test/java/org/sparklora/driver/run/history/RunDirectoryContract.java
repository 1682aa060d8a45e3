package org.sparklora.driver.run.history;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The behaviour of every run directory. */
public abstract class RunDirectoryContract {

    @TempDir
    protected Path folder;

    /** Opens a run directory over a local folder, which need not exist. */
    protected abstract RunDirectory open(Path local) throws IOException;

    @Test
    void replacesWholeFilesAndCreatesFolders() throws IOException {
        RunDirectory directory = open(folder.resolve("new/run"));
        assertThat(directory.list()).isEmpty();
        directory.write("adapter/weights.bin", new byte[] {1, 2, 3});
        directory.write("adapter/weights.bin", new byte[] {4});
        directory.write("empty", new byte[0]);
        assertThat(directory.read("adapter/weights.bin")).containsExactly(4);
        assertThat(directory.read("empty")).isEmpty();
        assertThat(directory.exists("adapter")).isTrue();
        assertThat(directory.exists("adapter/weights.bin")).isTrue();
        assertThat(directory.exists("adapter/other")).isFalse();
        assertThat(directory.list()).containsExactly("adapter", "empty");
    }

    @Test
    void storesLargeFiles() throws IOException {
        byte[] large = new byte[300_001];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * 31);
        }
        RunDirectory directory = open(folder);
        directory.write("large", large);
        assertThat(directory.read("large")).isEqualTo(large);
    }

    @Test
    void aFailedWriteLeavesTheOldFile() throws IOException {
        RunDirectory directory = open(folder);
        RunDirectory.Content two = out -> {
            out.write(new byte[100_000]);
            out.write(new byte[] {1, 2});
        };
        directory.write("model", two);
        assertThat(directory.read("model")).hasSize(100_002).endsWith(1, 2);
        assertThatThrownBy(() -> directory.write("model", out -> {
                    out.write(new byte[10]);
                    throw new IllegalStateException("no more");
                }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("no more");
        assertThat(directory.read("model")).hasSize(100_002);
        assertThat(folder.resolve(".model.tmp")).doesNotExist();
    }

    @Test
    void aLeftoverOfACrashIsIgnoredAndReplaced() throws IOException {
        Files.writeString(folder.resolve(".status.json.tmp"), "half a fi");
        RunDirectory directory = open(folder);
        assertThat(directory.list()).isEmpty();
        directory.write("status.json", "whole".getBytes(UTF_8));
        assertThat(directory.read("status.json")).asString(UTF_8).isEqualTo("whole");
        assertThat(directory.list()).containsExactly("status.json");
    }

    @Test
    void deletesFilesAndWholeFolders() throws IOException {
        RunDirectory directory = open(folder);
        directory.write("checkpoints/epoch-1/part", new byte[1]);
        directory.write("checkpoints/marker", new byte[1]);
        directory.write("status.json", new byte[1]);
        assertThat(directory.list("checkpoints")).containsExactly("epoch-1", "marker");
        assertThat(directory.list("checkpoints/epoch-1")).containsExactly("part");
        directory.delete("checkpoints");
        assertThat(directory.list("checkpoints")).isEmpty();
        directory.delete("status.json");
        directory.delete("never-there");
        directory.delete("never/there");
        assertThat(directory.list()).isEmpty();
        assertThat(directory.exists("checkpoints/marker")).isFalse();
    }

    @Test
    void readingAMissingFileFails() throws IOException {
        RunDirectory directory = open(folder);
        assertThatThrownBy(() -> directory.read("adapter/none"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("adapter/none");
    }

    @Test
    void refusesNamesThatLeaveTheDirectory() throws IOException {
        RunDirectory directory = open(folder);
        for (String name : new String[] {"", "..", "../x", "a/../../x", "/etc/passwd", "a/./b"}) {
            assertThatThrownBy(() -> directory.write(name, new byte[0]))
                    .as(name)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("'" + name + "'", directory.location());
        }
    }
}
