package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.ModelSource;

/** Where a directory that a person names is, here and for executors. */
class HostDirectoryTest {

    @Test
    void executorsGetAbsolutePathsForTheirWorkingDirectoriesAreOthers() {
        HostDirectory relative = HostDirectory.model("--base", "models/../models/bert");
        assertThat(relative.here()).isEqualTo(Path.of("models/../models/bert"));
        assertThat(relative.source())
                .isEqualTo(ModelSource.everywhere(
                        Path.of("models/bert").toAbsolutePath().toString()));
        HostDirectory uri = HostDirectory.model("--base", "file:/models/bert");
        assertThat(uri.here()).isEqualTo(Path.of("/models/bert"));
        assertThat(uri.source()).isEqualTo(ModelSource.everywhere("/models/bert"));
    }

    @Test
    void whatIsNoPathIsSaidByItsOption() {
        assertThatThrownBy(() -> HostDirectory.model("--base", "a\0b"))
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith("--base a\0b is no path: ");
    }
}
