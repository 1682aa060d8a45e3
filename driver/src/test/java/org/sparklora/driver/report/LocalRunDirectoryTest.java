package org.sparklora.driver.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalRunDirectoryTest {

    @TempDir
    Path folder;

    @Test
    void replacesWholeFilesAndMakesFolders() throws IOException {
        RunDirectory directory = new LocalRunDirectory(folder.resolve("new/run"));
        assertThat(directory.list()).isEmpty();
        directory.write("adapter/weights.bin", new byte[] {1, 2, 3});
        directory.write("adapter/weights.bin", new byte[] {4});
        directory.write("empty", new byte[0]);
        assertThat(directory.read("adapter/weights.bin")).containsExactly(4);
        assertThat(directory.exists("adapter")).isTrue();
        assertThat(directory.exists("adapter/other")).isFalse();
        assertThat(directory.list()).containsExactly("adapter", "empty");
    }

    @Test
    void aLeftoverOfACrashIsNeitherSeenNorInTheWay() throws IOException {
        Files.writeString(folder.resolve(".status.json.tmp"), "half a fi");
        RunDirectory directory = new LocalRunDirectory(folder);
        assertThat(directory.list()).isEmpty();
        directory.write("status.json", "whole".getBytes(UTF_8));
        assertThat(Files.readString(folder.resolve("status.json"))).isEqualTo("whole");
        assertThat(folder.resolve(".status.json.tmp")).doesNotExist();
    }

    @Test
    void filesAreAsReadableAsAnyOtherFile() throws IOException {
        new LocalRunDirectory(folder).write("a", new byte[0]);
        Path plain = Files.createFile(folder.resolve("b"));
        assertThat(Files.getPosixFilePermissions(folder.resolve("a"))).isEqualTo(Files.getPosixFilePermissions(plain));
    }

    @Test
    void deletesFoldersButNotWhatALinkPointsTo() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("keep"), "me");
        Path run = folder.resolve("run");
        RunDirectory directory = new LocalRunDirectory(run);
        directory.write("checkpoints/epoch-1/part", new byte[1]);
        Files.createSymbolicLink(run.resolve("checkpoints/link"), outside);
        assertThat(directory.list("checkpoints")).containsExactly("epoch-1", "link");
        assertThat(directory.list("checkpoints/epoch-1")).containsExactly("part");
        assertThat(directory.list("never-there")).isEmpty();
        directory.delete("checkpoints");
        directory.delete("never-there");
        assertThat(directory.list()).isEmpty();
        assertThat(outside.resolve("keep")).exists();
    }

    @Test
    void refusesNamesThatLeaveTheDirectory() {
        RunDirectory directory = new LocalRunDirectory(folder);
        for (String name : new String[] {"", "..", "../x", "a/../../x", "/etc/passwd", "a/./b"}) {
            assertThatThrownBy(() -> directory.write(name, new byte[0]))
                    .as(name)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("'" + name + "' is no name inside the run directory " + folder);
        }
    }
}
