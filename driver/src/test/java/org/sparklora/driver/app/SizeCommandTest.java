package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code size} on a small job. */
class SizeCommandTest {

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        job = TrainingJob.smallest(folder);
    }

    private TrainingJob.Ended size(String... arguments) {
        List<String> all = new ArrayList<>(List.of("size", "--config", job.toString()));
        all.addAll(List.of(arguments));
        return TrainingJob.run("local[2]", all.toArray(String[]::new));
    }

    @Test
    void aLineForEachClusterAndWhatItShows() {
        TrainingJob.Ended ended =
                size("--executors", "4,1", "--executor-cores", "1", "--gflops", "0.000001", "--price", "36");
        assertThat(ended.code()).as(ended.err()).isZero();
        List<String> lines = ended.out().lines().toList();
        assertThat(lines.get(0))
                .isEqualTo("job: 6 steps in 2 shards; executors of 1 task, 0 GFLOP/s a core, 10 Gbit/s");
        assertThat(lines.get(1)).matches("executors +ranks +peer +exchange +cost +driver +exchange +cost");
        assertThat(lines.get(2)).matches(" +1 +1 .*");
        assertThat(lines.get(3)).matches(" +4 +2 .*");
        assertThat(ended.out())
                .containsPattern("2 shards .* 2 tasks.* 2 executors")
                .contains("exchange peer takes less than half as long as computing everywhere")
                .containsPattern("with 1 executor: \\d+\\.\\d times as long without the activation cache");
        assertThat(folder.resolve("out")).doesNotExist();
    }

    @Test
    void withoutARateThisMachinesIsTaken() {
        TrainingJob.Ended ended = size("--executors", "1");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).containsPattern("executors of 2 tasks, [1-9]\\d* GFLOP/s a core \\(measured here\\)");
    }

    @ParameterizedTest
    @CsvSource({"--gflops, 0", "--gbit, -1", "--price, NaN", "--executors, 0", "--executor-cores, 0"})
    void whatIsNotAboveNothingIsRefused(String option, String value) {
        TrainingJob.Ended ended = size(option, value);
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err()).contains(option + " ", "above 0", "[usage.option-value]");
    }
}
