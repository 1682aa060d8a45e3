package org.sparklora.driver.watch.progress;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * The texts that tell a person how a run goes, as plain lines: no colours, no cursor moves, so that a log file holds the
 * same. Epochs are numbered from 0 as in the job file and the history; steps count what is done.
 */
public final class ProgressLine {

    private ProgressLine() {}

    /** How far a run is: epoch from 0, and the steps done, of all that there will be. */
    public record Position(int epoch, int epochs, int stepsDone, int steps) {

        String epochText() {
            return "epoch " + epoch + "/" + epochs;
        }
    }

    /** {@code epoch 2/6 step 126/378 loss 0.4211 218 examples/s 1m 12s left · live bottom top}. */
    public static String step(
            Position at, double loss, double examplesPerSecond, Optional<Duration> left, FreezeState state) {
        String time = left.map(d -> " " + duration(d) + " left").orElse("");
        return at.epochText() + " step " + at.stepsDone() + "/" + at.steps() + " loss " + number(loss) + " "
                + rate(examplesPerSecond) + " examples/s" + time + " · " + groups(state);
    }

    /** {@code epoch 2/6 starts · live bottom top · 3,106 parameters train, 12,424 bytes per step}. */
    public static String epochStart(Position at, FreezeState state, HistoryEvent.EpochStart.Cost cost) {
        return String.format(
                Locale.ROOT,
                "%s starts · %s · %,d parameters train, %,d bytes per step",
                at.epochText(),
                groups(state),
                cost.trainableParameters(),
                cost.allReduceBytesPerStep());
    }

    /** {@code epoch 2/6 thaw bottom (schedule.events[0]: thaw before epoch 2)}. */
    public static String groupChange(Position at, HistoryEvent.GroupChange change) {
        return at.epochText() + " " + change.event() + " " + change.group() + " (" + change.reason() + ")";
    }

    /** {@code epoch 2/6 done in 41s loss 0.4211 padding 3.1% · validation accuracy 0.9120 loss 0.2712}. */
    public static String epochSummary(
            Position at, Duration took, double trainLoss, double padding, Map<String, ? extends Number> validation) {
        StringBuilder text = new StringBuilder(at.epochText())
                .append(" done in ")
                .append(duration(took))
                .append(" loss ")
                .append(number(trainLoss))
                .append(String.format(Locale.ROOT, " padding %.1f%%", 100 * padding));
        if (!validation.isEmpty()) {
            text.append(" · validation");
            new TreeMap<>(validation)
                    .forEach((name, value) ->
                            text.append(' ').append(name).append(' ').append(number(value.doubleValue())));
        }
        return text.toString();
    }

    private static String groups(FreezeState state) {
        StringBuilder text = new StringBuilder();
        for (GroupState each : new GroupState[] {GroupState.LIVE, GroupState.FROZEN, GroupState.DORMANT}) {
            if (!state.in(each).isEmpty()) {
                text.append(text.isEmpty() ? "" : " · ")
                        .append(each.label())
                        .append(' ')
                        .append(String.join(" ", state.in(each)));
            }
        }
        return state.in(GroupState.LIVE).isEmpty()
                ? ("live head only" + (text.isEmpty() ? "" : " · ") + text)
                : text.toString();
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }

    private static String rate(double perSecond) {
        return String.format(Locale.ROOT, perSecond < 10 ? "%.1f" : "%.0f", perSecond);
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
