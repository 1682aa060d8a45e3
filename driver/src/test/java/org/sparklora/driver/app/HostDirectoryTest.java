package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.FaultyFileSystem;
import org.sparklora.driver.training.HostDirectory;
import org.sparklora.driver.training.UsageException;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.spark.HostModels;

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

    /** As on EMR and Dataproc, whose default file system is HDFS: one that every node has needs its scheme. */
    @Test
    void onAClusterAPathIsOneOfTheDefaultFileSystem(@TempDir Path folder) {
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
            String model = TrainingJob.TINY_MODEL.toAbsolutePath().normalize().toString();
            HostDirectory copied = HostDirectory.model("model.path", model);
            assertThat(copied.source().isCopied()).isTrue();
            assertThat(copied.here()).startsWith(folder.resolve("copies"));
            HostDirectory everywhere = HostDirectory.model("model.path", "file:" + model);
            assertThat(everywhere.source()).isEqualTo(ModelSource.everywhere(model));

            System.setProperty("spark.hadoop.fs.defaultFS", "nofs://default");
            assertThatThrownBy(() -> HostDirectory.model("model.path", model))
                    .isInstanceOf(ModelException.class)
                    .hasMessageStartingWith("model.path " + model + " cannot be listed: ")
                    .hasMessageEndingWith(". If every host has it on its own disk, write file:" + model);
        } finally {
            settings.keySet().forEach(System::clearProperty);
        }
    }

    @Test
    void whatIsNoPathIsSaidByItsOption() {
        assertThatThrownBy(() -> HostDirectory.model("--base", "a\0b"))
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith("--base a\0b is no path: ");
    }
}
