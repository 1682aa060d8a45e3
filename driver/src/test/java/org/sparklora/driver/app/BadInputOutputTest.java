package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.training.ExitCode;

/** An output directory is never overwritten by mistake, and a run that cannot write to it says so. */
class BadInputOutputTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    /** One error line with a code and facts; DIR stands for the test's folder. */
    private void refused(TrainingJob.Ended ended, ExitCode exit, String code, String... facts) {
        assertThat(ended.code()).as(ended.err()).isEqualTo(exit.code());
        assertThat(ended.err().lines().filter(line -> line.startsWith("spark-lora: ")))
                .as(ended.err())
                .singleElement()
                .asString()
                .endsWith("[" + code + "]")
                .contains(Stream.of(facts)
                        .map(fact -> fact.replace("DIR", folder.toString()))
                        .toArray(String[]::new));
        assertThat(ended.err()).doesNotContain("\tat org.");
        assertThat(ended.out()).isEmpty();
    }

    /** Writes files like those of a finished run. */
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

    /** The content of the output directory. */
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
    void anotherRunIsRefusedAndUnchanged() throws IOException {
        Map<String, String> before = oldRun();
        refused(job.trainWithoutSpark(), ExitCode.USAGE, "output.occupied", "DIR/run ");
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
        assertThat(ended.err()).contains(job.output().toString());
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void overwriteReplacesARunOnceTheDataIsChecked() throws IOException {
        Map<String, String> before = oldRun();
        String rows = Files.readString(job.trainCsv());
        job.write("train.csv", rows + ",no\n");
        TrainingJob.Ended wrongData = job.train("--overwrite");
        assertThat(wrongData.code()).isEqualTo(ExitCode.DATA.code());
        assertThat(wrongData.err()).contains("train.csv row 5");
        assertThat(files()).isEqualTo(before);

        job.write("train.csv", rows);
        TrainingJob.Ended ended = job.train("--overwrite");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(TrainingJob.status(job.output()).get("state").asText()).isEqualTo("finished");
        assertThat(TrainingJob.events(job.output(), "step")).hasSize(4);
        assertThat(files().values()).doesNotContainAnyElementsOf(before.values());

        refused(job.train(), ExitCode.USAGE, "output.occupied", "DIR/run ");
    }

    /** Writes the lease of a process elsewhere. */
    private void lease(int number) throws IOException {
        Path file = job.output().resolve(String.format(Locale.ROOT, "lease/%06d.json", number));
        Files.createDirectories(file.getParent());
        Files.writeString(file, String.format(Locale.ROOT, """
                {"number":%d,"joined":0,"application":"application_17_0042","attempt":3,"host":"node7","namespace":"",\
                "process":71,"token":"other","renewed":"%s"}
                """, number, Instant.now()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--resume", "--overwrite"})
    void aDirectoryThatAnotherProcessWritesToIsUnchanged(String option) throws IOException {
        if (!option.equals("--resume")) {
            oldRun();
        }
        lease(4);
        Map<String, String> before = files();
        TrainingJob.Ended ended = option.isEmpty() ? job.trainWithoutSpark() : job.trainWithoutSpark(option);
        refused(
                ended,
                ExitCode.USAGE,
                "output.lease-held",
                "DIR/run is in use by process 71 on node7 (application_17_0042, attempt 3)",
                " s old",
                "expires in ");
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void aRunWhoseDirectoryIsTakenOverEndsAndSaysByWhom() throws Exception {
        CompletableFuture<Void> taken = CompletableFuture.runAsync(() -> {
            while (!Files.exists(job.output().resolve("status.json"))) {
                Thread.onSpinWait();
            }
            try {
                lease(2);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        TrainingJob.Ended ended = job.train();
        taken.get(1, TimeUnit.MINUTES);
        refused(
                ended,
                ExitCode.USAGE,
                "output.lease-lost",
                "DIR/run was taken over by process 71 on node7 (application_17_0042, attempt 3)");
        assertThat(ended.err()).doesNotContain("is unchanged", "warning: ");
        assertThat(files().get("status.json")).as("left to the winner").contains("running");
        assertThat(job.output().resolve("lease")).isDirectoryContaining("glob:**/000002.json");
    }

    @Test
    void overwriteRefusesForeignFiles() throws IOException {
        Files.createDirectories(job.output());
        Files.writeString(job.output().resolve("thesis.tex"), "years of work");
        refused(job.trainWithoutSpark("--overwrite"), ExitCode.USAGE, "output.foreign", "DIR/run ", "(thesis.tex)");
        assertThat(files()).containsOnlyKeys("thesis.tex");
    }

    @Test
    void aRunThatFailedBeforeItStartedIsReplaced() {
        assertThat(job.trainWithoutSpark("model.path=/nowhere").code()).isEqualTo(ExitCode.MODEL.code());
        TrainingJob.Ended ended = job.train();
        assertThat(ended.code()).as(ended.err()).isZero();
    }

    @Test
    void anOutputThatIsAFileOrBelowOne() {
        refused(trainInto(job.trainCsv().toString()), ExitCode.USAGE, "output.unwritable", "DIR/train.csv: ");
        refused(
                trainInto(job.trainCsv() + "/run"),
                ExitCode.USAGE,
                "output.unwritable",
                "DIR/train.csv/run/lease",
                "Not a directory");
        assertThat(job.trainCsv()).isRegularFile();
    }

    @Test
    void anOutputWithoutPermission() throws IOException {
        Path closed = Files.createDirectory(folder.resolve("closed"));
        assertThat(closed.toFile().setWritable(false)).isTrue();
        assumeThat(Files.isWritable(closed)).as("root may write everywhere").isFalse();
        refused(
                trainInto(closed + "/run"),
                ExitCode.USAGE,
                "output.unwritable",
                "DIR/closed/run/lease",
                "permission denied for DIR/closed/run");
    }
}
