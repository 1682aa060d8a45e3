package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.FaultyFileSystem;

/** Runs whose directory is on a Hadoop file system. */
class RemoteOutputTest {

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        FaultyFileSystem.SETTINGS.forEach((key, value) -> System.setProperty("spark.hadoop." + key, value));
        job = TrainingJob.smallest(folder);
    }

    @AfterEach
    void forgetScheme() {
        FaultyFileSystem.SETTINGS.keySet().forEach(key -> System.clearProperty("spark.hadoop." + key));
    }

    private TrainingJob.Ended train(String output, String... more) {
        List<String> args = new ArrayList<>(List.of("train", "--config", job.toString(), "--output", output));
        args.addAll(List.of(more));
        return TrainingJob.run("local[2]", args.toArray(String[]::new));
    }

    @Test
    void theSameRunIsWrittenToEveryFileSystem() {
        Path local = folder.resolve("local");
        assertThat(train(local.toString()).code()).isZero();
        FaultyFileSystem hdfs = FaultyFileSystem.disk();
        FaultyFileSystem store = FaultyFileSystem.disk().objectStore();
        for (String remote : new String[] {
            hdfs.at(folder.resolve("hdfs")).toString(),
            store.at(folder.resolve("store")).toString()
        }) {
            TrainingJob.Ended trained = train(remote);
            assertThat(trained.code()).as(trained.err()).isZero();
            assertThat(trained.out()).contains(remote + "/adapter");
            TrainingJob.Ended verified = TrainingJob.run("local[1]", "verify", local.toString(), remote);
            assertThat(verified.out()).as(verified.err()).startsWith("same: 6 steps, adapter sha256 ");
            TrainingJob.Ended again = train(remote);
            assertThat(again.code()).isEqualTo(2);
            assertThat(again.err()).contains(remote, "[output.occupied]");
        }
    }

    @Test
    void aRunThatLostItsFileSystemResumesToTheSameAdapter() throws IOException {
        FaultyFileSystem whole = FaultyFileSystem.disk();
        String reference = whole.at(folder.resolve("whole")).toString();
        assertThat(train(reference).code()).isZero();
        long min = bytes(folder.resolve("whole"));
        for (FaultyFileSystem disk :
                List.of(FaultyFileSystem.disk(), FaultyFileSystem.disk().objectStore())) {
            for (int percent : new int[] {30, 75, 95}) {
                String output = disk.at(
                                folder.resolve(percent + "-" + disk.getUri().getHost()))
                        .toString();
                disk.dieAfter(min * percent / 100);
                assertThat(train(output).code()).as("lost at %d %%", percent).isEqualTo(2);
                disk.heal();
                TrainingJob.Ended resumed = train(output, "--resume");
                assertThat(resumed.code()).as(resumed.err()).isZero();
                assertThat(TrainingJob.run("local[1]", "verify", reference, output)
                                .out())
                        .as("lost at %d %% of %s", percent, output)
                        .startsWith("same: 6 steps, adapter sha256 ");
            }
        }
    }

    @Test
    void aFullDiskEndsTheRunWithOneErrorLine() {
        FaultyFileSystem disk = FaultyFileSystem.disk();
        disk.room(3000);
        String output = disk.at(folder.resolve("full")).toString();
        endsFull(train(output), output);
    }

    @Tag("nightly")
    @Test
    void aRunResumesToTheSameBitsOnceTheDiskHasSpace() throws IOException {
        FaultyFileSystem roomy = FaultyFileSystem.disk();
        String everyStep = "execution.checkpoint_every=1";
        String reference = roomy.at(folder.resolve("roomy")).toString();
        assertThat(train(reference, "--set", everyStep).code()).isZero();
        long min = bytes(folder.resolve("roomy"));
        for (FaultyFileSystem disk :
                List.of(FaultyFileSystem.disk(), FaultyFileSystem.disk().objectStore())) {
            for (int percent : new int[] {60, 95}) {
                String output = disk.at(
                                folder.resolve(percent + "-" + disk.getUri().getHost()))
                        .toString();
                disk.room(min * percent / 100);
                endsFull(train(output, "--set", everyStep), output);
                disk.heal();
                TrainingJob.Ended resumed = train(output, "--set", everyStep, "--resume");
                assertThat(resumed.code()).as(resumed.err()).isZero();
                assertThat(resumed.err()).contains("checkpoints/epoch-0000");
                assertThat(TrainingJob.run("local[1]", "verify", reference, output)
                                .out())
                        .as("full at %d %% of %s", percent, output)
                        .startsWith("same: 6 steps, adapter sha256 ");
            }
        }
    }

    /** The size of a complete run. No run finishes with less space. */
    private static long bytes(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.map(Path::toFile)
                    .filter(File::isFile)
                    .mapToLong(File::length)
                    .sum();
        }
    }

    private static void endsFull(TrainingJob.Ended ended, String output) {
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err().lines().filter(line -> line.startsWith("spark-lora: ")))
                .as(ended.err())
                .singleElement()
                .asString()
                .startsWith("spark-lora: ")
                .contains(output + "/", "disk full")
                .endsWith("[output.unwritable]");
        assertThat(ended.err()).doesNotContain("\tat org.");
    }
}
