package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.watch.verify.SampleRun;

class VerifyCommandTest {

    @TempDir
    private Path folder;

    private Path a;
    private Path b;

    @BeforeEach
    void twoRuns() {
        a = folder.resolve("a");
        b = folder.resolve("b");
        new SampleRun(a).write();
        new SampleRun(b).write();
    }

    private TrainingJob.Ended verify() {
        return TrainingJob.run("local[1]", "verify", a.toString(), b.toString());
    }

    @Test
    void equalRunsPrintOneLineAndExitWithZero() {
        TrainingJob.Ended ended = verify();
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).matches("same: 8 steps, adapter sha256 [0-9a-f]{64}\\R");
        assertThat(ended.err()).isEmpty();
    }

    @Test
    void differentRunsExitWithEightAndPrintNotesOnStderr() {
        SampleRun other = new SampleRun(b);
        other.lossAt.put(3, 9f);
        other.seed = 7;
        other.write();
        TrainingJob.Ended ended = verify();
        assertThat(ended.code()).isEqualTo(8);
        assertThat(ended.out())
                .isEqualToNormalizingNewlines("different: epoch 0, step 3: loss is 0.25 in A and 9.0 in B\n");
        assertThat(ended.err()).isEqualToNormalizingNewlines("note: seeds.seed is 42 in A and 7 in B\n");
    }

    @Test
    void aDirectoryWithoutARunExitsWithTwo() {
        b = folder.resolve("none");
        TrainingJob.Ended ended = verify();
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.out()).isEmpty();
        assertThat(ended.err())
                .startsWith("spark-lora: ")
                .contains(b.toString(), "[usage.run-missing]")
                .hasLineCount(1);
    }

    @Test
    void aDamagedFileExitsWithSevenAndOneLine() throws IOException {
        Files.delete(a.resolve("manifest.json"));
        TrainingJob.Ended ended = verify();
        assertThat(ended.code()).isEqualTo(7);
        assertThat(ended.err())
                .startsWith("spark-lora: ")
                .contains(a + "/manifest.json", "[run.missing]")
                .hasLineCount(1);
    }

    @Test
    void needsTwoRuns() {
        TrainingJob.Ended ended = TrainingJob.run("local[1]", "verify", a.toString());
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err()).contains("RUN_B");
    }
}
