package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.driver.job.plan.Timeline.Stretch;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/** A timeline as a table: a row for each epoch, or for a run of epochs that are alike, with the moves that lead to it. */
final class TimelineText {

    /** An epoch with more moves than this tells how many, not which: a policy that draws makes dozens. */
    private static final int MOST_MOVES = 4;

    private final Timeline timeline;
    private final RunPlan plan;
    private final StepCost cost;
    private final List<PlannedEpoch> epochs;
    private final List<String> lines = new ArrayList<>();

    private TimelineText(Timeline timeline, RunPlan plan) {
        this.timeline = timeline;
        this.plan = plan;
        this.cost = plan.cost();
        this.epochs = plan.epochs(timeline);
    }

    /** The lines. */
    static List<String> of(Timeline timeline, RunPlan plan) {
        TimelineText text = new TimelineText(timeline, plan);
        text.write();
        return List.copyOf(text.lines);
    }

    private void write() {
        String columns = "cost: a step's operations, 1 with every group live; cache: what enters the lowest live stage";
        switch (timeline.kind()) {
            case EXACT -> line("timeline (%s)", columns);
            case EARLIEST -> line("timeline with every move as early as the metrics may bring it (%s)", columns);
            case LATEST -> line("timeline with every move as late as the metrics may bring it");
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"epoch", "live", "frozen", "dormant", "lowest live", "cost", "bytes/step", "cache"});
        List<List<String>> notes = new ArrayList<>(List.of(List.of()));
        for (int first = 0; first < epochs.size(); ) {
            int end = first + 1;
            while (end < epochs.size() && epochs.get(first).looksLike(epochs.get(end))) {
                end++;
            }
            rows.add(row(epochs.get(first), epochs.get(end - 1)));
            notes.add(moves(epochs.get(first).stretches()));
            first = end;
        }
        table(rows, notes);
        total();
    }

    /** Epochs that are alike, from the first to the last. */
    private String[] row(PlannedEpoch first, PlannedEpoch last) {
        List<Stretch> epoch = first.stretches();
        int steps = plan.subject().data().shards().stepsPerEpoch();
        Map<String, Integer> live = new TreeMap<>();
        FreezeState end = epoch.get(epoch.size() - 1).state();
        for (Stretch stretch : epoch) {
            stretch.state().in(GroupState.LIVE).forEach(group -> live.merge(group, stretch.steps(), Integer::sum));
        }
        String lives = live.entrySet().stream()
                .map(e -> e.getValue() == steps
                        ? e.getKey()
                        : String.format(Locale.ROOT, "%s (%d%%)", e.getKey(), Math.round(100.0 * e.getValue() / steps)))
                .collect(Collectors.joining(" "));
        return new String[] {
            first.number() == last.number() ? "" + first.number() : first.number() + "-" + last.number(),
            orDash(lives),
            orDash(names(end, GroupState.FROZEN, live)),
            orDash(names(end, GroupState.DORMANT, live)),
            span(epoch.stream()
                    .map(Stretch::state)
                    .sorted(Comparator.comparingInt(cost::lowestStage))
                    .map(cost::lowestLive)
                    .distinct()
                    .toList()),
            String.format(Locale.ROOT, "%.2f", cost.relative(List.of(first))),
            span(epoch.stream()
                    .map(s -> cost.allReduceBytes(s.state()))
                    .distinct()
                    .sorted()
                    .map(bytes -> String.format(Locale.ROOT, "%,d", bytes))
                    .toList()),
            cache(first)
        };
    }

    private String cache(PlannedEpoch epoch) {
        if (!epoch.cache().isOn()) {
            return "-";
        }
        return Bytes.text(plan.cacheBytes(epoch.cache())) + (epoch.held() ? "" : " new");
    }

    /** Groups in a state at an epoch's end that were not live in it. */
    private static String names(FreezeState end, GroupState state, Map<String, Integer> live) {
        return end.in(state).stream().filter(group -> !live.containsKey(group)).collect(Collectors.joining(" "));
    }

    private static String orDash(String text) {
        return text.isEmpty() ? "-" : text;
    }

    private static String span(List<String> values) {
        return values.size() == 1 ? values.get(0) : values.get(0) + " to " + values.get(values.size() - 1);
    }

    /** What moves in an epoch, and why. A bound's reasons are not the run's, so they are left out. */
    private List<String> moves(List<Stretch> epoch) {
        if (timeline.kind() != Timeline.Kind.EXACT) {
            return List.of();
        }
        List<String> moves = new ArrayList<>();
        for (Stretch stretch : epoch) {
            for (Transition move : stretch.moves()) {
                moves.add((move.isThaw() ? "thaw " : "freeze ") + move.group() + " (" + move.reason() + ")");
            }
        }
        if (moves.size() <= MOST_MOVES) {
            return moves;
        }
        long stops =
                epoch.stream().filter(stretch -> !stretch.moves().isEmpty()).count();
        return List.of(moves.size() + " moves before " + stops + " of its steps; --json lists them");
    }

    private void table(List<String[]> rows, List<List<String>> notes) {
        int columns = rows.get(0).length;
        int[] widths = new int[columns];
        rows.forEach(row -> {
            for (int c = 0; c < columns; c++) {
                widths[c] = Math.max(widths[c], row[c].length());
            }
        });
        for (int r = 0; r < rows.size(); r++) {
            StringBuilder text = new StringBuilder(" ");
            for (int c = 0; c < columns; c++) {
                text.append(' ').append(rows.get(r)[c]);
                if (c < columns - 1) {
                    text.append(" ".repeat(widths[c] - rows.get(r)[c].length() + 1));
                }
            }
            line("%s", text);
            notes.get(r).forEach(note -> line("      %s", note));
        }
    }

    private void total() {
        line(
                "  in all: %.2f of the operations of training every group from the start; %s all-reduced a rank",
                cost.relative(epochs), Bytes.text(cost.allReduceBytes(timeline.stretches())));
    }

    private void line(String format, Object... values) {
        lines.add(String.format(Locale.ROOT, format, values));
    }
}
