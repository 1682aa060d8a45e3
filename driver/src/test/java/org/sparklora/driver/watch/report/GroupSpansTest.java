package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.watch.report.GroupSpans.Span;
import org.sparklora.worker.contract.GroupState;

class GroupSpansTest {

    @TempDir
    private Path folder;

    private RunData data(PageRun run) throws IOException {
        RunData data = new RunData(run.folder().toString());
        data.readHistory(Files.readAllLines(run.folder().resolve("history.jsonl")));
        return data;
    }

    @Test
    void eachStateHasItsStepsAndItsReason() throws IOException {
        Map<String, List<Span>> spans = GroupSpans.of(data(new PageRun(folder).write()));
        assertThat(spans.keySet()).containsExactly("layers.0", "layers.1", "layers.2", "layers.3");
        // Frozen within epoch 2, before its step 20 of 40.
        assertThat(spans.get("layers.0"))
                .containsExactly(
                        new Span(GroupState.LIVE, 0, 100, ""),
                        new Span(GroupState.FROZEN, 100, 240, "schedule.events[0] before epoch 2"));
        assertThat(spans.get("layers.3"))
                .containsExactly(
                        new Span(GroupState.DORMANT, 0, 120, ""),
                        new Span(GroupState.LIVE, 120, 240, "schedule.events[3] before epoch 3"));
    }

    @Test
    void aRunWithoutEpochsHasNone() {
        assertThat(GroupSpans.of(new RunData("x"))).isEmpty();
    }
}
