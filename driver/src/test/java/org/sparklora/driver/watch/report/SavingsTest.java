package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.watch.report.RunData.Epoch;

class SavingsTest {

    @TempDir
    private Path folder;

    private List<Epoch> epochs(PageRun run) throws IOException {
        RunData data = new RunData("x");
        data.readHistory(Files.readAllLines(run.write().folder().resolve("history.jsonl")));
        return data.done();
    }

    @Test
    void savingsAddUpToTheWorkWithoutThem() throws IOException {
        PageRun run = new PageRun(folder);
        run.epochs = 2;
        List<Epoch> epochs = epochs(run);
        Savings all = Savings.of(epochs).orElseThrow();
        assertThat(all.steps()).isEqualTo(80);
        assertThat(all.computed()).isCloseTo(2 * 6.2e12, within(1e3));
        assertThat(all.byReason().keySet()).containsExactly("freezing", "cache", "buckets");
        assertThat(all.byReason().get("freezing")).isCloseTo(2 * 3e12, within(1e3));
        assertThat(all.byReason().get("cache")).isCloseTo(2 * 1e12, within(1e3));
        assertThat(all.byReason().get("buckets")).isCloseTo(2 * 1.8e12, within(1e3));
        assertThat(all.total()).isCloseTo(2 * 1.2e13, within(1e3));
        assertThat(all.bytesSent()).isEqualTo(2e6);
        assertThat(all.bytesWithoutFreezing()).isEqualTo(8e6);
        // Epoch 0 took 2.25 s longer to fill the cache, so epoch 1 has the lowest time per operation.
        assertThat(Savings.secondsPerOperation(epochs))
                .hasValueSatisfying(s -> assertThat(s).isCloseTo(8 / 6.2e12, within(1e-18)));
    }

    @Test
    void aHistoryWithoutCountsHasNoSavings() throws IOException {
        PageRun run = new PageRun(folder);
        run.counted = false;
        assertThat(Savings.of(epochs(run))).isEmpty();
    }
}
