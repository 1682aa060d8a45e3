package org.sparklora.driver.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Deletes what applications on {@code local-cluster} leave below Spark's home: Spark keeps 130 MB of jars for each executor
 * that ever started, 13 GB in one build, and on a disk that is full YARN finds no place for a container.
 */
final class SparkWorkFolders implements AfterEachCallback {

    private static final Path WORK = ClusterRun.SPARK.resolve("work");

    @Override
    public void afterEach(ExtensionContext context) throws IOException {
        if (!Files.isDirectory(WORK)) {
            return;
        }
        try (Stream<Path> all = Files.walk(WORK)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException | UncheckedIOException e) {
            // An executor that is still ending writes there; the next test deletes the rest.
            context.publishReportEntry("not deleted yet", String.valueOf(e.getMessage()));
        }
    }
}
