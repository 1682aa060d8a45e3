package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.training.ExitCode;

/** What is in the output directory is never lost by mistake, and a run that cannot write says so. */
class BadInputOutputTest {

    private static final String HOLDS = "DIR/run holds another run; give --overwrite or another --output";

    private static final String CANNOT =
            "%s cannot be written: %s; check the path, its permissions and the space on its disk, or give another --output";

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    /** Leaves files like those of a run that ended. */
    private Map<String, String> oldRun() throws IOException {
        for (String name : new String[] {
            "config.yaml", "manifest.json", "history.jsonl", "status.json", "adapter/adapter_model.safetensors"
        }) {
            Path file = job.output().resolve(name);
            Files.createDirectories(file.getParent());
            Files.writeString(file, "{\"old\": \"" + name + "\"}");
        }
        return files();
    }

    private TrainingJob.Ended trainInto(String output) {
        return TrainingJob.run("none", "train", "--config", folder + "/job.yaml", "--output", output);
    }

    /** What the output directory holds, byte for byte. */
    private Map<String, String> files() throws IOException {
        Map<String, String> content = new TreeMap<>();
        try (Stream<Path> all = Files.walk(job.output())) {
            all.filter(Files::isRegularFile).forEach(file -> {
                try {
                    content.put(
                            job.output().relativize(file).toString(),
                            Files.readString(file, StandardCharsets.ISO_8859_1));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
        return content;
    }

    @Test
    void anotherRunIsRefusedAndStays() throws IOException {
        Map<String, String> before = oldRun();
        job.refused(job.trainWithoutSpark(), ExitCode.USAGE, HOLDS);
        assertThat(files()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "model.path=/nowhere",
                "lora.init_adapter=/nowhere",
                "lora.groups.top.target_modules=[qeury]",
                "data.train.path=/nowhere"
            })
    void overwriteKeepsTheOldRunUntilTheInputsAreChecked(String broken) throws IOException {
        Map<String, String> before = oldRun();
        TrainingJob.Ended ended = job.trainWithoutSpark(broken, "--overwrite");
        assertThat(ended.code()).isBetween(2, 4);
        assertThat(ended.err()).contains("the run in " + job.output());
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void overwriteReplacesARunOnceTheDataIsChecked() throws IOException {
        Map<String, String> before = oldRun();
        String rows = Files.readString(job.trainCsv());
        job.write("train.csv", rows + ",no\n");
        job.refused(
                job.train("--overwrite"),
                ExitCode.DATA,
                "DIR/train.csv row 5: the text is missing or empty; fill it in or remove the row");
        assertThat(files()).isEqualTo(before);

        job.write("train.csv", rows);
        TrainingJob.Ended ended = job.train("--overwrite");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(TrainingJob.status(job.output()).get("state").asText()).isEqualTo("finished");
        assertThat(TrainingJob.events(job.output(), "step")).hasSize(4);
        assertThat(files().values()).doesNotContainAnyElementsOf(before.values());

        job.refused(job.train(), ExitCode.USAGE, HOLDS);
    }

    @Test
    void overwriteRefusesForeignFiles() throws IOException {
        Files.createDirectories(job.output());
        Files.writeString(job.output().resolve("thesis.tex"), "years of work");
        job.refused(
                job.trainWithoutSpark("--overwrite"),
                ExitCode.USAGE,
                "DIR/run holds files that no run wrote (thesis.tex) and no run; --overwrite clears runs only: give"
                        + " another --output");
        assertThat(files()).containsOnlyKeys("thesis.tex");
    }

    @Test
    void aRunThatFailedBeforeItStartedIsNotInTheWay() {
        assertThat(job.trainWithoutSpark("model.path=/nowhere").code()).isEqualTo(ExitCode.MODEL.code());
        TrainingJob.Ended ended = job.train();
        assertThat(ended.code()).as(ended.err()).isZero();
    }

    @Test
    void anOutputThatIsAFileOrBelowOne() {
        job.refused(
                trainInto(job.trainCsv().toString()),
                ExitCode.USAGE,
                TrainingJob.format(CANNOT, "DIR/train.csv", "DIR/train.csv is a file and no directory"));
        job.refused(
                trainInto(job.trainCsv() + "/run"),
                ExitCode.USAGE,
                TrainingJob.format(CANNOT, "DIR/train.csv/run/status.json", "Not a directory"));
        assertThat(job.trainCsv()).isRegularFile();
    }

    @Test
    void anOutputWithoutPermission() throws IOException {
        Path closed = Files.createDirectory(folder.resolve("closed"));
        assertThat(closed.toFile().setWritable(false)).isTrue();
        assumeThat(Files.isWritable(closed)).as("root may write everywhere").isFalse();
        job.refused(
                trainInto(closed + "/run"),
                ExitCode.USAGE,
                TrainingJob.format(CANNOT, "DIR/closed/run/status.json", "permission denied for DIR/closed/run"));
    }
}
