package org.sparklora.driver.watch.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.watch.tracking.EventReader.Event;

class TensorBoardFilesTest {

    @TempDir
    private Path folder;

    @TempDir
    private Path recorded;

    private TensorBoardFiles files() {
        return new TensorBoardFiles(folder.toString(), () -> new LocalRunDirectory(folder));
    }

    private static List<HistoryLine> lines(List<String> lines) {
        return lines.stream().map(RecordedRunLines::line).toList();
    }

    private List<String> names() {
        return List.copyOf(new LocalRunDirectory(folder).list(""));
    }

    private List<Event> events(int file) throws IOException {
        return EventReader.events(Files.readAllBytes(folder.resolve(names().get(file))));
    }

    private static Map<Long, Float> scalar(List<Event> events, String tag) {
        Map<Long, Float> values = new TreeMap<>();
        events.stream()
                .filter(event -> event.scalars().containsKey(tag))
                .forEach(event -> values.put(event.step(), event.scalars().get(tag)));
        return values;
    }

    @Test
    void aRunHasTheTagsOfTheTrainersCallback() throws IOException {
        files().send(lines(new RecordedRunLines(recorded)
                .run()
                .epoch(0)
                .epoch(1)
                .finished()
                .lines()));
        List<Event> events = events(0);
        assertThat(events.get(0).fileVersion()).isEqualTo("brain.Event:2");
        assertThat(scalar(events, "train/loss"))
                .isEqualTo(Map.of(1L, 1f, 2L, 0.5f, 3L, RecordedRunLines.loss(2), 4L, 0.25f));
        assertThat(scalar(events, "train/learning_rate")).hasSize(4).containsEntry(1L, 0.002f);
        assertThat(scalar(events, "eval/accuracy")).isEqualTo(Map.of(2L, 0.5f, 4L, 0.6f));
        assertThat(scalar(events, "train/live/bottom")).isEqualTo(Map.of(0L, 0f, 2L, 0f, 3L, 1f));
        assertThat(events.stream()
                        .map(event -> event.texts().get("freeze_decisions/text_summary"))
                        .filter(text -> text != null))
                .containsExactly(
                        "epoch 0: live top (as the job says)",
                        "epoch 1: live top (as the job says)",
                        "epoch 1: thaw bottom (because)");
        assertThat(events).allMatch(event -> event.wallTime() == RecordedRunLines.TIME.getEpochSecond());
    }

    @Test
    void batchesAreFilesThatSortByName() throws IOException {
        TensorBoardFiles files = files();
        RecordedRunLines run = new RecordedRunLines(recorded).run();
        files.send(lines(run.lines()));
        for (int epoch = 0; epoch < 11; epoch++) {
            files.send(lines(new RecordedRunLines(recorded).epoch(epoch).lines()));
        }
        assertThat(names()).hasSize(12);
        long last = 0;
        int starts = 0;
        for (int i = 0; i < names().size(); i++) {
            for (Event event : events(i)) {
                starts += event.starts() ? 1 : 0;
                if (event.scalars().containsKey("train/loss")) {
                    assertThat(event.step()).isEqualTo(last + 1);
                    last = event.step();
                }
            }
        }
        assertThat(last).isEqualTo(22);
        assertThat(starts).as("one process").isEqualTo(1);
    }

    @Test
    void filesOfAResumedRunSortAfterOlderOnesAndReplaceThem() throws IOException {
        files().send(lines(RecordedRunLines.epochs(recorded, 2)));
        // In the same second, since the clock does not advance.
        files().send(lines(RecordedRunLines.epochs(recorded, 3)));
        assertThat(names()).hasSize(2).isSorted();
        assertThat(events(1).get(1).starts()).isTrue();
        assertThat(events(1).get(1).step()).isZero();
        assertThat(scalar(events(1), "train/loss")).hasSize(6);
    }
}
