package org.sparklora.driver.watch.progress;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.watch.progress.Progress.Snapshot;
import org.sparklora.driver.watch.progress.Progress.StepStats;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * The texts of progress lines. They have no colours and no cursor moves, so a log file shows the same. Epochs count from 0
 * as in the job file and the history; steps count what is done.
 */
public final class ProgressLine {

    private ProgressLine() {}

    /** How far a run is: the epoch from 0, and the number of steps done, each with its total. */
    public record Position(int epoch, int epochs, int stepsDone, int steps) {
        String epochText() {
            return "epoch " + epoch + "/" + epochs;
        }
    }

    /** {@code epoch 2/6 step 126/378 loss 0.4211 218 examples/s 1m 12s left · live bottom top}. */
    static String step(Snapshot snapshot) {
        Position at = snapshot.at();
        StepStats stats = snapshot.stats();
        String time = stats.left().map(d -> " " + duration(d) + " left").orElse("");
        double rate = stats.examplesPerSecond();
        return at.epochText() + " step " + at.stepsDone() + "/" + at.steps() + " loss " + number(stats.loss()) + " "
                + String.format(Locale.ROOT, rate < 10 ? "%.1f" : "%.0f", rate) + " examples/s" + time + " · "
                + groups(snapshot.groups());
    }

    /** {@code epoch 2/6 starts · live bottom top · 3,106 trainable parameters, 12,424 bytes per step}. */
    public static String epochStart(Position at, FreezeState state, long trainableParameters) {
        return String.format(
                Locale.ROOT,
                "%s starts · %s · %,d trainable parameters, %,d bytes per step",
                at.epochText(),
                groups(state),
                trainableParameters,
                trainableParameters * Float.BYTES);
    }

    /** {@code epoch 2/6 thaw bottom (schedule.events[0]: thaw before epoch 2)}. */
    public static String groupChange(Position at, GroupChange change, String group, String reason) {
        return at.epochText() + " " + change.label() + " " + group + " (" + reason + ")";
    }

    /** {@code epoch 2/6 done in 41s loss 0.4211 padding 3.1% · validation accuracy 0.9120 loss 0.2712}. */
    public static String epochSummary(
            Position at, Duration took, double trainLoss, double padding, Map<String, ? extends Number> validation) {
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "%s done in %s loss %.4f padding %.1f%%",
                at.epochText(),
                duration(took),
                trainLoss,
                100 * padding));
        text.append(validation.isEmpty() ? "" : " · validation");
        new TreeMap<>(validation)
                .forEach((name, value) ->
                        text.append(String.format(Locale.ROOT, " %s %.4f", name, value.doubleValue())));
        return text.toString();
    }

    private static String groups(FreezeState state) {
        List<String> parts = new ArrayList<>();
        if (state.in(GroupState.LIVE).isEmpty()) {
            parts.add("live head only");
        }
        for (GroupState each : List.of(GroupState.LIVE, GroupState.FROZEN, GroupState.DORMANT)) {
            if (!state.in(each).isEmpty()) {
                parts.add(each.label() + " " + String.join(" ", state.in(each)));
            }
        }
        return String.join(" · ", parts);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }

    private static String duration(Duration d) {
        long seconds = d.plusMillis(500).toSeconds();
        if (seconds < 60) {
            return seconds + "s";
        }
        if (seconds < 3600) {
            return String.format(Locale.ROOT, "%dm %02ds", seconds / 60, seconds % 60);
        }
        return String.format(Locale.ROOT, "%dh %02dm", seconds / 3600, seconds % 3600 / 60);
    }
}
