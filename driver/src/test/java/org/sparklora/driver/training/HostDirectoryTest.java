package org.sparklora.driver.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.FaultyFileSystem;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.spark.HostModels;

class HostDirectoryTest {

    @Test
    void executorsGetAbsolutePaths() {
        HostDirectory relative = HostDirectory.model("--base", "models/../models/bert");
        assertThat(relative.here()).isEqualTo(Path.of("models/../models/bert"));
        assertThat(relative.source())
                .isEqualTo(ModelSource.everywhere(
                        Path.of("models/bert").toAbsolutePath().toString()));
        HostDirectory uri = HostDirectory.model("--base", "file:/models/bert");
        assertThat(uri.here()).isEqualTo(Path.of("/models/bert"));
        assertThat(uri.source()).isEqualTo(ModelSource.everywhere("/models/bert"));
    }

    /** On EMR and Dataproc, HDFS is the default file system. A directory on every node needs the scheme file. */
    @Test
    void aPathWithoutASchemeIsOnTheDefaultFileSystem(@TempDir Path folder) {
        Map<String, String> settings = new TreeMap<>(Map.of(
                "spark.master",
                "yarn",
                "spark.hadoop.fs.defaultFS",
                "faulty://default",
                HostModels.DIRECTORY,
                folder.resolve("copies").toString()));
        FaultyFileSystem.SETTINGS.forEach((key, value) -> settings.put("spark.hadoop." + key, value));
        settings.forEach(System::setProperty);
        try {
            String model = Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l")
                    .toAbsolutePath()
                    .normalize()
                    .toString();
            HostDirectory copied = HostDirectory.model("model.path", model);
            assertThat(copied.source().isCopied()).isTrue();
            assertThat(copied.here()).startsWith(folder.resolve("copies"));
            HostDirectory everywhere = HostDirectory.model("model.path", "file:" + model);
            assertThat(everywhere.source()).isEqualTo(ModelSource.everywhere(model));

            System.setProperty("spark.hadoop.fs.defaultFS", "nofs://default");
            assertThatThrownBy(() -> HostDirectory.model("model.path", model))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("model.path " + model)
                    .hasMessageContaining("file:" + model);
        } finally {
            settings.keySet().forEach(System::clearProperty);
        }
    }

    @Test
    void anInvalidPathIsReportedWithItsOption() {
        assertThatThrownBy(() -> HostDirectory.model("--base", "a\0b"))
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith("--base a\0b ")
                .hasMessageEndingWith("[usage.path]");
    }
}
