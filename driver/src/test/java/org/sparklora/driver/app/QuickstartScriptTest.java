package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** scripts/quickstart on a machine where nothing is built, with stand-ins for Maven and for scripts/spark-lora. */
class QuickstartScriptTest {

    @TempDir
    private Path folder;

    private Path quickstart;

    @BeforeEach
    void makeProject() throws IOException {
        Path scripts = Files.createDirectories(folder.resolve("project/scripts"));
        quickstart = Files.copy(Path.of(Script.of("quickstart")), scripts.resolve("quickstart"));
        program(scripts.resolve("spark-lora"), "echo \"trains: $*\"");
    }

    private static void program(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/usr/bin/env bash\n" + text + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    /** Maven prints these lines in batch mode; the names of plugins are those of versions 3.8 and 3.9. */
    private TrainingJob.Ended runWithMaven(String end) throws Exception {
        program(folder.resolve("bin/mvn"), """
                echo "mvn $*"
                echo "[INFO] Downloading from central: https://repo.example/a/1/a-1.pom"
                echo "[INFO] Downloaded from central: https://repo.example/a/1/a-1.pom (2.1 kB at 9.9 kB/s)"
                echo "[INFO] Downloaded from central: https://repo.example/a/1/a-1.jar (1.4 MB at 8.0 MB/s)"
                echo "[INFO] --- maven-compiler-plugin:3.14.0:compile (default-compile) @ spark-lora-worker ---"
                echo "[INFO] --- compiler:3.14.0:testCompile (default-testCompile) @ spark-lora-driver ---"
                echo "[INFO] --- exec-maven-plugin:3.5.0:java (sample-data) @ spark-lora-driver ---"
                """ + end);
        return new Script(folder)
                .withPrograms(folder.resolve("bin"))
                .run(quickstart.toString(), "--set", "training.num_train_epochs=1");
    }

    @Test
    void theBuildSaysWhatItDoesAndThenTrainingStarts() throws Exception {
        TrainingJob.Ended ended = runWithMaven("exit 0");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out())
                .isEqualTo("trains: train --config conf/quickstart.yaml --overwrite --set training.num_train_epochs=1");
        assertThat(ended.err().lines())
                .allMatch(line -> line.startsWith("quickstart: "))
                .anyMatch(line -> line.contains("2 files downloaded") && line.contains("compiling spark-lora-worker"))
                .anyMatch(line -> line.contains("compiling the tests of spark-lora-driver"))
                .anyMatch(line -> line.contains("sample data"));
        assertThat(ended.err())
                .as("how much is downloaded, and how long that takes")
                .containsPattern("\\d MB")
                .contains("minutes");
        assertThat(folder.resolve("project/out/quickstart-build.log"))
                .content()
                .startsWith("mvn --batch-mode package -DskipTests\n");
    }

    @Test
    void aBuildThatFailsShowsItsErrorsAndTrainsNothing() throws Exception {
        TrainingJob.Ended ended = runWithMaven("echo '[ERROR] a-1.jar cannot be resolved'; exit 3");
        assertThat(ended.code()).as("Maven's own code").isEqualTo(3);
        assertThat(ended.out()).isEmpty();
        assertThat(ended.err()).contains("[ERROR] a-1.jar cannot be resolved", "project/out/quickstart-build.log");
    }

    @Test
    void whatIsBuiltIsNotBuiltAgain() throws Exception {
        Files.createDirectories(folder.resolve("project/driver/target"));
        Files.createFile(folder.resolve("project/driver/target/spark-lora.jar"));
        TrainingJob.Ended ended = runWithMaven("exit 3");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).isEmpty();
        assertThat(ended.out()).startsWith("trains: ");
    }
}
