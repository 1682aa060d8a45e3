package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An S3 server on the loopback address, in a process of its own: S3Proxy, which keeps its objects in a folder, also when it is
 * killed.
 *
 * <p>S3Proxy (org.gaul, Apache License) is maintained, is one file on Maven Central (55 MB) that any Java 17 starts in two
 * seconds, checks signatures and knows all calls of uploads in parts. Not taken: Adobe's S3Mock, which does not check
 * signatures and has 62 dependencies, Spring Boot and Kotlin among them; LocalS3, which is a library and no program; findify's
 * s3mock, which had its last release in 2020; MinIO, which is not on Maven Central.
 */
final class S3Server implements AutoCloseable {

    static final String USER = "spark-lora";
    static final String PASSWORD = "not-secret";

    private static final Pattern STARTED = Pattern.compile("Started .*ServerConnector.*\\{127\\.0\\.0\\.1:(\\d+)}");

    private final Path jar;
    private final Path folder;
    private final Path settings;
    private int port;
    private Process process;

    /**
     * Starts a server with one empty bucket.
     *
     * @param jar S3Proxy
     * @param folder empty; the server's own
     */
    S3Server(Path jar, Path folder, String bucket) throws IOException {
        this.jar = jar;
        this.folder = Files.createDirectories(folder.resolve("objects"));
        this.settings = folder.resolve("s3proxy.conf");
        Files.createDirectory(this.folder.resolve(bucket));
        this.process = start();
    }

    /** The first time at any free port, then at the same. */
    private Process start() throws IOException {
        Files.writeString(settings, TrainingJob.format("""
                s3proxy.endpoint=http://127.0.0.1:%d
                s3proxy.authorization=aws-v2-or-v4
                s3proxy.identity=%s
                s3proxy.credential=%s
                jclouds.provider=filesystem-nio2
                jclouds.filesystem.basedir=%s
                """, port, USER, PASSWORD, folder));
        Process started = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx256m",
                        "-jar",
                        jar.toString(),
                        "--properties",
                        settings.toString())
                .redirectErrorStream(true)
                .start();
        StringBuilder output = new StringBuilder();
        BufferedReader lines = started.inputReader();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            output.append(line).append('\n');
            Matcher matcher = STARTED.matcher(line);
            if (matcher.find()) {
                port = Integer.parseInt(matcher.group(1));
                Thread reader = new Thread(() -> lines.lines().forEach(more -> {}), "output of S3Proxy");
                reader.setDaemon(true);
                reader.start();
                return started;
            }
        }
        throw new AssertionError("S3Proxy did not start: " + output);
    }

    String endpoint() {
        return "http://127.0.0.1:" + port;
    }

    /** kill -9; returns when the server has ended. */
    void kill() {
        ClusterProcess.kill(process.toHandle());
        assertThat(process.onExit().join().isAlive()).isFalse();
    }

    /** Starts a killed server at the same port. */
    void restart() throws IOException {
        process = start();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
