package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.training.ExitCode;

/** {@code doctor} in this JVM. PackageIT runs it with real executors. */
class DoctorCommandTest {

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        job = TrainingJob.smallest(folder);
    }

    private TrainingJob.Ended doctor(String master, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "doctor",
                "--config",
                job.toString(),
                "--output",
                folder.resolve("new/run").toString()));
        arguments.addAll(Arrays.asList(more));
        return TrainingJob.run(master, arguments.toArray(String[]::new));
    }

    private static List<String> of(String verdict, TrainingJob.Ended ended) {
        return ended.out().lines().filter(line -> line.startsWith(verdict)).toList();
    }

    @Test
    void everyCheckOfAHealthyMachineIsOneLine() {
        TrainingJob.Ended ended = doctor("local[2]");
        assertThat(ended.code()).as(ended.out() + ended.err()).isZero();
        assertThat(ended.out().lines()).allMatch(line -> line.matches("(ok|warning) +\\S.*"));
        assertThat(of("ok", ended))
                .contains(
                        "ok       Java " + Runtime.version(),
                        "ok       master local[2]",
                        "ok       spark.task.cpus is 1",
                        "ok       exchange peer: the executors stay, so they can exchange among themselves",
                        "ok       output " + folder.resolve("new/run") + " is writable",
                        "ok       1 executor on 1 host answered",
                        "ok       2 task slots for training.shards 2: 1 shard of a batch per slot",
                        "ok       data: 12 training rows, 0 validation rows")
                .anyMatch(line -> line.startsWith("ok       PyTorch ") && line.endsWith(" loads on all executors"))
                .anyMatch(line -> line.matches("ok       base model .* is the same on the driver and on all executors"))
                .anyMatch(line -> line.startsWith("ok       clocks agree within "));
        assertThat(ended.out()).contains(" outside the heap per executor, ", " for base weights, 2 tasks of ");
        // It creates no files.
        assertThat(folder.resolve("new")).doesNotExist();
    }

    @Test
    void everyProblemIsALineAndTheOtherChecksStillRun() throws IOException {
        Files.writeString(folder.resolve("new"), "a file where a folder is to be");
        TrainingJob.Ended ended = doctor(
                "local[4]", "--set", "model.path=" + folder.resolve("none"), "--set", "data.train={path: no.csv}");
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        List<String> problems = of("problem", ended);
        assertThat(problems)
                .anyMatch(line -> line.contains(folder.resolve("none").toString()));
        assertThat(problems)
                .anyMatch(line -> line.contains(folder.resolve("new").toString()));
        assertThat(problems).anyMatch(line -> line.contains("no.csv"));
        assertThat(problems).allMatch(line -> line.contains(" - "));
        assertThat(of("warning", ended))
                .anyMatch(line -> line.startsWith("warning  4 task slots for training.shards 2 - 2 "));
    }

    @Test
    void anExistingRunIsAWarningAndUnchanged() throws IOException {
        Path run = Files.createDirectories(folder.resolve("new/run"));
        Files.writeString(run.resolve("history.jsonl"), "{}\n");
        TrainingJob.Ended ended = doctor("local[2]");
        assertThat(of("warning", ended))
                .singleElement()
                .asString()
                .contains(" output " + run + " ", "--resume", "--overwrite");
        try (var files = Files.list(run)) {
            assertThat(files).containsExactly(run.resolve("history.jsonl"));
        }
    }

    @Test
    void withoutAJobOnlyTheMachineIsChecked() throws IOException {
        TrainingJob.Ended ended = TrainingJob.run("local[2]", "doctor", "--json");
        assertThat(ended.code()).as(ended.out() + ended.err()).isZero();
        JsonNode json = new ObjectMapper().readTree(ended.out());
        assertThat(json.get("healthy").asBoolean()).isTrue();
        assertThat(json.get("findings")).isNotEmpty().allSatisfy(finding -> {
            String verdict = finding.get("verdict").asText();
            assertThat(verdict).isIn("ok", "warning");
            assertThat(finding.has("remedy")).isEqualTo(verdict.equals("warning"));
        });
        assertThat(ended.out()).doesNotContain("base model", "training rows").contains("1 executor on 1 host answered");
    }

    @Test
    void wrongUseIsRefused() {
        TrainingJob.Ended ended = TrainingJob.run("local[2]", "doctor", "--output", "x");
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err()).contains("--set", "--output", "--config", "[usage.option-missing]");
    }

    @Test
    void anUnknownMasterIsOneProblemAmongOtherFindings() {
        TrainingJob.Ended ended = doctor("nonsense://here");
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(of("problem", ended)).singleElement().asString().contains("nonsense://here");
        assertThat(of("ok", ended)).contains("ok       output " + folder.resolve("new/run") + " is writable");
    }
}
