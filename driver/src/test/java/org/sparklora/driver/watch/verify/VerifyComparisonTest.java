package org.sparklora.driver.watch.verify;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.run.history.RunStatus;

class VerifyComparisonTest {

    @TempDir
    private Path folder;

    private SampleRun a;
    private SampleRun b;

    @BeforeEach
    void twoRuns() {
        a = new SampleRun(folder.resolve("a"));
        b = new SampleRun(folder.resolve("b"));
    }

    private Verdict compare() {
        return Comparison.of(RecordedRun.read(a.write()), RecordedRun.read(b.write()));
    }

    @Test
    void timesAreNotCompared() {
        b.time = Instant.parse("2030-01-01T00:00:00Z");
        b.seconds = 99;
        Verdict verdict = compare();
        assertThat(verdict.same()).isTrue();
        assertThat(verdict.lines()).hasSize(1);
        assertThat(verdict.lines().get(0)).matches("same: 8 steps, adapter sha256 [0-9a-f]{64}");
        assertThat(verdict.notes()).isEmpty();
    }

    @Test
    void namesTheFirstStepThatDiffersInTheLastDigit() {
        a.lossAt.put(5, 0.1f);
        b.lossAt.put(5, Math.nextUp(0.1f));
        b.lossAt.put(6, 7f);
        Verdict verdict = compare();
        assertThat(verdict.same()).isFalse();
        assertThat(verdict.lines()).containsExactly("different: epoch 1, step 5: loss is 0.1 in A and 0.10000001 in B");
    }

    @Test
    void namesTheFieldInsideAMapAndCountsTheOthers() {
        b.topRateAt.put(2, 2e-3);
        assertThat(compare().lines())
                .containsExactly("different: epoch 0, step 2: learning_rate.top is 0.001 in A and 0.002 in B");
        b.lossAt.put(2, Float.NaN);
        assertThat(compare().lines())
                .containsExactly(
                        "different: epoch 0, step 2: loss is 0.33333334 in A and NaN in B, and 1 other value too");
    }

    @Test
    void aLongerRunIsComparedUpToTheEndOfTheShorter() {
        a.steps = 16;
        b.lastAccuracy = 0.7;
        assertThat(compare().lines())
                .containsExactly("different: A has 8 more steps (A 16, B 8); the first 8 are the same");
        b.lossAt.put(0, 3f);
        assertThat(compare().lines())
                .containsExactly(
                        "different: epoch 0, step 0: loss is 1.0 in A and 3.0 in B",
                        "then: A has 8 more steps (A 16, B 8)");
    }

    @Test
    void validationComesAfterTheSteps() {
        b.lastAccuracy = 0.8;
        assertThat(compare().lines())
                .containsExactly("different: end of epoch 1: validation.accuracy is 0.75 in A and 0.8 in B");
    }

    @Test
    void aDifferentAdapterIsNamedByTensorAndGroup() {
        b.lastB = 0.75f;
        Verdict verdict = compare();
        assertThat(verdict.lines()).hasSize(1);
        assertThat(verdict.lines().get(0))
                .startsWith("different: adapter: ")
                .contains("layer.11.attention.self.query.lora_B.weight (group top)", "0.25", "1 different", "of 3")
                .containsPattern("[0-9a-f]{64} in A and [0-9a-f]{64} in B");
    }

    @Test
    void aNanInATensorIsADifference() {
        b.lastB = Float.NaN;
        assertThat(compare().lines().get(0)).contains("(group top) differs by at most NaN");
    }

    @Test
    void differentManifestsComeBeforeTheSteps() {
        b.rank = 1;
        Verdict verdict = compare();
        assertThat(verdict.lines().get(0))
                .startsWith("different: manifest.json: ")
                .contains("group 'top'", "layer.11.attention.self.query", "r 2", "in A", "r 1", "in B");
        assertThat(verdict.lines().get(1))
                .startsWith("then: adapter: ")
                .contains("lora_A.weight (group top)", "[2, 3] in A and [1, 3] in B");
    }

    @Test
    void differentLabelsAreADifference() {
        b.labels = List.of("nein", "ja");
        assertThat(compare().lines())
                .singleElement()
                .asString()
                .startsWith("different: manifest.json: labels ")
                .contains("[no, yes] in A and [nein, ja] in B");
        b.labels = List.of();
        assertThat(compare().same()).isTrue();
    }

    @Test
    void anotherBaseModelComesFirst() {
        b.baseModel = "0ther";
        b.lossAt.put(0, 9f);
        assertThat(compare().lines().get(0)).isEqualTo("different: base model: sha256 is ba5e in A and 0ther in B");
    }

    @Test
    void seedAndConfigurationAreNotes() {
        b.seed = 43;
        b.configuration = "name: b\nseed: 43\ntraining: {batch_size: 32, shards: 4}\noutput: /b\n";
        Verdict verdict = compare();
        assertThat(verdict.same()).isTrue();
        assertThat(verdict.notes())
                .containsExactly("seeds.seed is 42 in A and 43 in B", "training.batch_size is 16 in A and 32 in B");
    }

    @Test
    void anUnreadableConfigurationIsANote() {
        b.configuration = "a: [";
        assertThat(compare().notes()).contains("config.yaml is only in B");
    }

    @Test
    void unfinishedRunsAreComparedByTheirHistory() {
        a.ending = RunStatus.failed(5, "diverged");
        b.ending = RunStatus.cancelled("told to stop");
        assertThat(compare().lines())
                .singleElement()
                .asString()
                .startsWith("same: 8 steps, ")
                .contains("A failed with exit code 5", "B was cancelled");
        b.ending = RunStatus.finished("");
        assertThat(compare().lines()).containsExactly("different: only B has an adapter: A failed with exit code 5");
    }
}
