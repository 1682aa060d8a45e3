package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code scripts/bench scale} on what this build has packaged: ten million rows, then executors that are killed for ten minutes.
 * The benchmark fails if the driver's heap grows with the rows, if an executor needs more than its heap and 1.5 GB, or if the
 * killed run has another adapter. An hour on two cores; {@code SCALE_ROWS} and {@code SCALE_MINUTES} make it smaller.
 */
@Tag("nightly")
@ExtendWith(SparkWorkFolders.class)
class ScaleIT {

    @ParameterizedTest
    @ValueSource(strings = {"rows", "deaths"})
    void sizeChangesNoBitAndNeedsNoMoreMemory(String part) throws IOException, InterruptedException {
        Path root = TrainingJob.ROOT.toAbsolutePath();
        Path log = root.resolve("driver/target/scale-" + part + ".log");
        Process bench = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "-Xmx512m",
                        "-Dproject.root=" + root,
                        "-cp",
                        root.resolve("worker/target/test-classes")
                                + File.pathSeparator
                                + System.getProperty("java.class.path"),
                        "org.sparklora.worker.bench.ScaleBench",
                        part))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(bench.waitFor()).as(() -> text(log)).isZero();
    }

    private static String text(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return log + ": " + e;
        }
    }
}
