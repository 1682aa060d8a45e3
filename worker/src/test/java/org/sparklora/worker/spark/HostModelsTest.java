package org.sparklora.worker.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.encoder.ModelException;

/** Copies of a model that lies on a file system with a scheme of its own. */
class HostModelsTest {

    /** {@code counted:/a/b} is the local file {@code /a/b}. */
    public static final class Counted extends RawLocalFileSystem {

        static final AtomicInteger OPENED = new AtomicInteger();

        @Override
        public URI getUri() {
            return URI.create("counted:///");
        }

        @Override
        public FSDataInputStream open(org.apache.hadoop.fs.Path file, int bufferSize) throws IOException {
            OPENED.incrementAndGet();
            return super.open(file, bufferSize);
        }
    }

    @TempDir
    private Path folder;

    private Path remote;
    private String location;

    @BeforeEach
    void writeModel() throws IOException {
        remote = Files.createDirectory(folder.resolve("remote"));
        for (String file :
                List.of("config.json", "vocab.txt", "model.safetensors", "pytorch_model.bin", "tf_model.h5")) {
            Files.writeString(remote.resolve(file), "of " + file);
        }
        location = "counted:" + remote;
        Counted.OPENED.set(0);
    }

    private HostModels host(String name) {
        return HostModels.of(new SparkConf(false)
                .set("spark.hadoop.fs.counted.impl", Counted.class.getName())
                .set(HostModels.DIRECTORY, folder.resolve(name).toString()));
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aHostCopiesWhatAModelIsReadFromOnce() throws IOException {
        HostModels.Copy copy = host("a").model(location);
        assertThat(names(copy.here())).containsExactly("config.json", "model.safetensors", "vocab.txt");
        assertThat(copy.here().resolve("vocab.txt")).hasContent("of vocab.txt");
        assertThat(copy.copiedBytes()).isEqualTo(14 + 20 + 12);
        assertThat(copy.source().location()).isEqualTo(location);
        assertThat(Counted.OPENED).hasValue(3);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("a"))))
                .isEqualTo("rwx------");

        HostModels.Copy again = host("a").model(location);
        assertThat(again).isEqualTo(new HostModels.Copy(copy.here(), copy.source(), 0));
        assertThat(host("a").copyOf(copy.source())).isEqualTo(copy.here());
        assertThat(Counted.OPENED).hasValue(3);
    }

    @Test
    void withoutSafetensorsTheOtherWeights() throws IOException {
        Files.delete(remote.resolve("model.safetensors"));
        assertThat(names(host("a").model(location).here()))
                .containsExactly("config.json", "pytorch_model.bin", "vocab.txt");
    }

    @Test
    void aChangedModelIsAnotherCopy() throws IOException {
        Path before = host("a").model(location).here();
        Files.writeString(remote.resolve("vocab.txt"), "of another vocab.txt");
        HostModels.Copy after = host("a").model(location);
        assertThat(after.here()).isNotEqualTo(before);
        assertThat(after.here().resolve("vocab.txt")).hasContent("of another vocab.txt");
        assertThat(before.resolve("vocab.txt")).hasContent("of vocab.txt");
    }

    @Test
    void manyTasksOfManyExecutorsCopyOnceAndFindItWhole() throws Exception {
        ModelSource source = host("driver").model(location).source();
        Files.createDirectories(folder.resolve("b/part"));
        Files.writeString(folder.resolve("b/part/vocab.txt"), "what an executor that died left");
        Counted.OPENED.set(0);
        ExecutorService tasks = Executors.newFixedThreadPool(8);
        try {
            List<Future<Path>> copies = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                copies.add(tasks.submit(() -> host("b").copyOf(source)));
            }
            for (Future<Path> copy : copies) {
                assertThat(copy.get(60, TimeUnit.SECONDS).resolve("vocab.txt")).hasContent("of vocab.txt");
            }
        } finally {
            tasks.shutdownNow();
        }
        assertThat(Counted.OPENED).hasValue(3);
    }

    @Test
    void whatAnExecutorHasSeenWholeNeedsNoLock() throws IOException {
        ModelSource source = host("driver").model(location).source();
        Path copy = host("b").copyOf(source);
        Files.delete(folder.resolve("b/lock"));
        // Nobody can lock that.
        Files.createDirectory(folder.resolve("b/lock"));
        assertThat(host("b").copyOf(source)).isEqualTo(copy);
        assertThatThrownBy(() -> host("b").model(location)).isInstanceOf(ModelException.class);
    }

    @Test
    void anExecutorRefusesAnotherModelThanTheDriverSaw() throws IOException {
        ModelSource source = host("driver").model(location).source();
        Files.writeString(remote.resolve("vocab.txt"), "of another vocab.txt");
        assertThatThrownBy(() -> host("b").copyOf(source))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(location, "has changed", "vocab.txt");
        Files.delete(remote.resolve("config.json"));
        assertThatThrownBy(() -> host("b").copyOf(source)).hasMessageContainingAll(location, "config.json");
    }

    @Test
    void filesOfTheDriversOwnDiskAreServedOverSparksConnections() throws IOException {
        Path linked = Files.createDirectory(folder.resolve("linked"));
        for (String name : List.of("config.json", "vocab.txt")) {
            Files.createSymbolicLink(linked.resolve(name), Path.of("../remote").resolve(name));
        }
        SparkConf conf =
                new SparkConf(false).setMaster("local[1]").setAppName("served").set("spark.ui.enabled", "false");
        try (JavaSparkContext spark = new JavaSparkContext(conf)) {
            ModelSource source = host("driver").served(linked, List.of("config.json", "vocab.txt"));
            assertThat(host("driver").served(linked, List.of("config.json", "vocab.txt")))
                    .isEqualTo(source);
            assertThat(source.location())
                    .startsWith("spark://" + spark.getConf().get("spark.driver.host"));
            Path copy = host("b").copyOf(source);
            assertThat(names(copy)).containsExactly("config.json", "vocab.txt");
            assertThat(copy.resolve("vocab.txt")).hasContent("of vocab.txt");
            Files.writeString(remote.resolve("vocab.txt"), "of another vocab.txt");
            assertThatThrownBy(() -> host("c").copyOf(source)).hasMessageContainingAll("has changed", "vocab.txt");
        }
    }

    @Test
    void whatCannotBeReachedOrKeptIsSaid() throws IOException {
        assertThatThrownBy(() -> host("a").model(location + "/none"))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(location + "/none", "FileNotFoundException");
        Files.writeString(folder.resolve("file"), "no folder");
        assertThatThrownBy(() -> host("file").model(location))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(location, folder.resolve("file").toString(), HostModels.DIRECTORY);
    }
}
