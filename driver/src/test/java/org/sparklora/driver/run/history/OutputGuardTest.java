package org.sparklora.driver.run.history;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutputGuardTest {

    @TempDir
    Path folder;

    private RunDirectory directory;

    @BeforeEach
    void openDirectory() {
        directory = new LocalRunDirectory(folder);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "config.yaml",
                "history.jsonl",
                "history/000001-000000000000000.jsonl",
                "adapter/adapter_config.json",
                "checkpoints/epoch-00001/x"
            })
    void refusesADirectoryThatHoldsARun(String name) throws IOException {
        touch(name);
        assertThatThrownBy(() -> OutputGuard.refuseOtherRun(directory))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll(folder.toString(), "[output.occupied]");
    }

    @Test
    void acceptsADirectoryWithoutARun() throws IOException {
        assertThatCode(() -> OutputGuard.refuseOtherRun(new LocalRunDirectory(folder.resolve("none"))))
                .doesNotThrowAnyException();
        touch("status.json");
        touch("notes.txt");
        assertThatCode(() -> OutputGuard.refuseOtherRun(directory)).doesNotThrowAnyException();
    }

    @Test
    void overwriteDeletesWhatARunWritesAndNothingElse() throws IOException {
        for (String name : OutputGuard.RUN_FILES) {
            touch(name.contains(".") ? name : name + "/inside/file");
        }
        touch("notes.txt");
        touch("my/own.csv");
        touch("lease/000001.json");
        OutputGuard.overwrite(directory);
        assertThat(directory.list()).as("fencing numbers go on").containsExactly("lease", "my", "notes.txt");
    }

    @Test
    void overwriteRefusesForeignFilesIfNoRunWroteThere() throws IOException {
        for (String name : new String[] {"adapter/mine", "config.yaml", "a", "b", "c", "d"}) {
            touch(name);
        }
        assertThatThrownBy(() -> OutputGuard.overwrite(directory))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll(folder.toString(), "(a, b, c, …)", "[output.foreign]");
        assertThat(directory.list()).hasSize(6);
    }

    @Test
    void overwriteAcceptsAnEmptyDirectoryAndTheRestOfARun() throws IOException {
        OutputGuard.overwrite(new LocalRunDirectory(folder.resolve("none")));
        touch("adapter/adapter_config.json");
        OutputGuard.overwrite(directory);
        assertThat(directory.list()).isEmpty();
    }

    private void touch(String name) throws IOException {
        directory.write(name, new byte[0]);
    }
}
