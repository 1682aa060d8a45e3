package org.sparklora.driver.run.history;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class LocalRunDirectoryTest extends RunDirectoryContract {

    @Override
    protected RunDirectory open(Path local) {
        return new LocalRunDirectory(local);
    }

    @Override
    protected int creators() {
        return 8;
    }

    @Test
    void leavesNoTemporaryFile() throws IOException {
        open(folder).write("status.json", new byte[3]);
        assertThat(folder.resolve("status.json")).hasSize(3);
        assertThat(folder.resolve(".status.json.tmp")).doesNotExist();
    }

    @Test
    void filesHaveDefaultPermissions() throws IOException {
        open(folder).write("a", new byte[0]);
        Path plain = Files.createFile(folder.resolve("b"));
        assertThat(Files.getPosixFilePermissions(folder.resolve("a"))).isEqualTo(Files.getPosixFilePermissions(plain));
    }

    @Test
    void deletesFoldersButNotTheTargetsOfLinks() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("keep"), "me");
        Path run = folder.resolve("run");
        RunDirectory directory = open(run);
        directory.write("checkpoints/epoch-1/part", new byte[1]);
        Files.createSymbolicLink(run.resolve("checkpoints/link"), outside);
        assertThat(directory.list("checkpoints")).containsExactly("epoch-1", "link");
        assertThat(directory.list("checkpoints/epoch-1")).containsExactly("part");
        assertThat(directory.list("never-there")).isEmpty();
        directory.delete("checkpoints");
        assertThat(directory.list()).isEmpty();
        assertThat(outside.resolve("keep")).exists();
    }
}
