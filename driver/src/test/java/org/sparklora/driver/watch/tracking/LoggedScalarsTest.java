package org.sparklora.driver.watch.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.watch.tracking.LoggedScalars.Scalars;

class LoggedScalarsTest {

    @TempDir
    private Path folder;

    private List<Scalars> of(List<String> lines) {
        LoggedScalars scalars = new LoggedScalars();
        return lines.stream()
                .map(RecordedRunLines::line)
                .map(scalars::of)
                .flatMap(Optional::stream)
                .toList();
    }

    private static Scalars at(long step, Map<String, Double> values) {
        return new Scalars(step, RecordedRunLines.TIME, new java.util.TreeMap<>(values));
    }

    @Test
    void namesAndStepsMatchTheTrainer() {
        RecordedRunLines recorded = new RecordedRunLines(folder).run().epoch(0).epoch(1).finished();
        List<Scalars> scalars = of(recorded.lines());
        assertThat(scalars).hasSize(10);
        assertThat(scalars.get(0))
                .isEqualTo(at(0, Map.of("live/bottom", 0.0, "live/top", 1.0, "trainable_parameters", 100.0)));
        assertThat(scalars.get(1))
                .isEqualTo(at(
                        1,
                        Map.of(
                                "epoch", 0.5,
                                "grad_norm", 1.5,
                                "grad_norm/head", 0.75,
                                "grad_norm/top", 1.25,
                                "learning_rate", 0.002,
                                "learning_rate/head", 0.002,
                                "learning_rate/top", 0.001,
                                "loss", 1.0)));
        assertThat(scalars.get(2).step()).isEqualTo(2);
        assertThat(scalars.get(3))
                .isEqualTo(
                        at(2, Map.of("eval_accuracy", 0.5, "eval_loss", 0.25, "eval_runtime", 1.5, "train_loss", 0.5)));
        assertThat(scalars.get(6)).as("a thaw within an epoch").isEqualTo(at(3, Map.of("live/bottom", 1.0)));
        assertThat(scalars.get(9)).isEqualTo(at(4, Map.of("train_runtime", 12.25)));
    }

    @Test
    void repeatedLinesHaveTheSameNumbers() {
        List<String> lines = RecordedRunLines.epochs(folder, 2);
        LoggedScalars scalars = new LoggedScalars();
        List<Optional<Scalars>> first =
                lines.stream().map(RecordedRunLines::line).map(scalars::of).toList();
        List<Optional<Scalars>> again =
                lines.stream().map(RecordedRunLines::line).map(scalars::of).toList();
        assertThat(again).isEqualTo(first);
    }

    @Test
    void nanIsReadFromItsString() {
        String line = "{\"event\":\"epoch_end\",\"time\":\"2026-01-01T00:00:00Z\",\"epoch\":0,\"train_loss\":0.5,"
                + "\"validation\":{\"auc\":\"NaN\"}}";
        assertThat(of(List.of(line)).get(0).values()).containsEntry("eval_auc", Double.NaN);
    }
}
