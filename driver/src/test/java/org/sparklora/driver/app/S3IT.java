package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.MultipartUploader;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.cluster.HadoopRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * S3 through Hadoop's S3A, whose jars come with {@code --jars} as a user's do. S3A renames by copying, so nothing here may need
 * a rename. The profile {@code nightly} copies the jars: S3A with the parts of the AWS SDK that it calls (7 MB), since all of
 * the SDK, which it names as its dependency, is 280 MB. Takes 95
 * seconds of processor time, a minute on two cores.
 */
@Tag("nightly")
class S3IT extends RemoteRunContract {

    private static final java.nio.file.Path JARS =
            TrainingJob.ROOT.resolve("driver/target/s3").toAbsolutePath();

    private static final String BUCKET = "lora";
    private static final Path ROOT = new Path("s3a://" + BUCKET + "/user");

    /** S3's smallest part. */
    private static final int PART = 5 << 20;

    private static S3Server server;
    private static FileSystem store;

    @BeforeAll
    static void startS3() throws IOException {
        server = new S3Server(JARS.resolve("server/s3proxy.jar"), folder.resolve("s3"), BUCKET);
        List<URL> urls = new ArrayList<>();
        for (java.nio.file.Path jar : jars()) {
            urls.add(jar.toUri().toURL());
        }
        Configuration hadoop = new Configuration();
        settings().forEach(hadoop::set);
        hadoop.setInt("fs.s3a.multipart.size", PART);
        hadoop.setClassLoader(new URLClassLoader(urls.toArray(URL[]::new), S3IT.class.getClassLoader()));
        store = FileSystem.newInstance(URI.create("s3a://" + BUCKET), hadoop);
    }

    @AfterAll
    static void stopS3() throws IOException {
        if (store != null) {
            store.close();
        }
        if (server != null) {
            server.close();
        }
    }

    private static List<java.nio.file.Path> jars() throws IOException {
        try (Stream<java.nio.file.Path> files = Files.list(JARS)) {
            return files.filter(file -> file.toString().endsWith(".jar")).toList();
        }
    }

    private static Map<String, String> settings() {
        return Map.of(
                "fs.s3a.endpoint",
                server.endpoint(),
                "fs.s3a.path.style.access",
                "true",
                "fs.s3a.access.key",
                S3Server.USER,
                "fs.s3a.secret.key",
                S3Server.PASSWORD);
    }

    @Override
    FileSystem files() {
        return store;
    }

    @Override
    Path root() {
        return ROOT;
    }

    @Override
    List<String> options() {
        List<String> options = new ArrayList<>();
        try {
            options.addAll(List.of(
                    "--jars", jars().stream().map(java.nio.file.Path::toString).collect(Collectors.joining(","))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        settings().forEach((key, value) -> options.addAll(List.of("--conf", "spark.hadoop." + key + "=" + value)));
        return options;
    }

    @Override
    void stopServer() {
        server.kill();
    }

    @Override
    void startServer() {
        try {
            server.restart();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    String unanswered() {
        return "Unable to execute HTTP request";
    }

    /** Parts of an upload that is neither finished nor aborted stay in the bucket, unseen, and are paid for. */
    @Test
    void aFailedUploadInPartsIsAbortedAndLeavesTheOldObject() throws Exception {
        Path parts = new Path(ROOT, "parts");
        RunDirectory directory = new HadoopRunDirectory(store, parts);
        byte[] old = new byte[2 * PART + 1];
        old[PART] = 1;
        directory.write("model", old);
        assertThat(directory.read("model")).isEqualTo(old);
        assertThatThrownBy(() -> directory.write("model", out -> {
                    out.write(new byte[2 * PART + 1]);
                    throw new IOException("no more");
                }))
                .isInstanceOf(OutputException.class)
                .hasMessageContaining("no more");
        assertThatThrownBy(() -> directory.write("model", out -> {
                    out.write(new byte[2 * PART + 1]);
                    throw new OutOfMemoryError("Java heap space");
                }))
                .isInstanceOf(OutOfMemoryError.class);
        assertThat(unfinished(parts)).isZero();
        assertThat(directory.read("model")).isEqualTo(old);
    }

    /** Shows that {@link #unfinished} sees what it counts. */
    @Test
    void anUploadThatIsNotAbortedIsUnfinished() throws Exception {
        Path left = new Path(ROOT, "left");
        FSDataOutputStream out = store.create(new Path(left, "model"));
        out.write(new byte[2 * PART + 1]);
        assertThat(unfinished(left)).isOne();
    }

    /** How many uploads below a path are unfinished; aborts them. */
    private static int unfinished(Path below) throws Exception {
        try (MultipartUploader uploader = store.createMultipartUploader(below).build()) {
            return uploader.abortUploadsUnderPath(below).get();
        }
    }
}
