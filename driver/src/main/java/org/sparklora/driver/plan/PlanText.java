package org.sparklora.driver.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.driver.data.TextStatistics;
import org.sparklora.driver.freeze.Transition;
import org.sparklora.driver.plan.Timeline.Stretch;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.TensorSpec;

/** A plan as plain lines for people. */
public final class PlanText {

    /** An epoch with more moves than this tells how many, not which: a policy that draws makes dozens. */
    private static final int MOST_MOVES = 4;

    private final RunPlan plan;
    private final StepCost cost;
    private final List<String> lines = new ArrayList<>();

    private PlanText(RunPlan plan) {
        this.plan = plan;
        this.cost = plan.cost();
    }

    /** The lines. */
    public static List<String> of(RunPlan plan) {
        PlanText text = new PlanText(plan);
        text.subject();
        text.groups();
        plan.timelines().forEach(text::timeline);
        text.memory();
        text.warnings();
        return List.copyOf(text.lines);
    }

    private void subject() {
        RunPlan.Model model = plan.subject().model();
        RunPlan.Data data = plan.subject().data();
        ShardPlan shards = data.shards();
        TextStatistics sample = data.sample();
        RunPlan.Schedule schedule = plan.subject().schedule();
        line("%s", plan.subject().job());
        line(
                "  model     %s: %d layers of width %d, %s of weights",
                model.path(), model.layers(), model.hiddenSize(), Bytes.text(model.weightBytes()));
        line(
                "  data      %,d training rows%s; a sample of %,d has %.1f tokens a row, %d at most",
                shards.examples(),
                data.validationRows().isPresent()
                        ? String.format(
                                Locale.ROOT,
                                ", %,d validation rows",
                                data.validationRows().getAsLong())
                        : "",
                sample.examples(),
                sample.meanLength(),
                sample.longest());
        if (sample.truncated() > 0) {
            line(
                    "            %.1f%% of the sample is cut off at model.max_length %d",
                    100.0 * sample.truncated() / sample.examples(), data.maxLength());
        }
        line(
                "  steps     %d epochs of %,d, %,d rows each, in %d shards",
                schedule.epochs(), shards.stepsPerEpoch(), shards.batchSize(), shards.shards());
        line("  policy    %s", schedule.policy());
    }

    private void groups() {
        LoraManifest manifest = plan.manifest();
        line("");
        line("groups");
        for (LoraGroup group : manifest.groups()) {
            long parameters = parameters(group.name());
            line(
                    "  %s: %s, %s, %,d parameters, %,d bytes per all-reduce, %s",
                    group.name(),
                    count(group.modules().size(), "module"),
                    ranks(group),
                    parameters,
                    parameters * Float.BYTES,
                    rates(group));
            if (!group.purpose().isEmpty()) {
                line("    %s", group.purpose());
            }
            ModuleNames.shortened(group.modules().stream().map(m -> m.path()).toList())
                    .forEach(name -> line("    %s", name));
        }
        for (String name : manifest.names()) {
            if (manifest.group(name).isEmpty()) {
                line(
                        "  %s: always live, %,d parameters, %,d bytes per all-reduce",
                        name, parameters(name), parameters(name) * Float.BYTES);
            }
        }
    }

    private long parameters(String group) {
        return plan.manifest().tensors(group).stream()
                .mapToLong(TensorSpec::size)
                .sum();
    }

    private static String ranks(LoraGroup group) {
        List<Integer> ranks = group.modules().stream()
                .map(m -> m.loraRank())
                .distinct()
                .sorted()
                .toList();
        return "r " + ranks.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    /** The highest rate that a group reaches; where the two timelines differ, both. */
    private String rates(LoraGroup group) {
        return plan.timelines().stream()
                .map(timeline -> plan.subject().schedule().rates().highest(group.settings(), timeline, group.name()))
                .map(rate -> rate == 0 ? "never live" : String.format(Locale.ROOT, "learning rate up to %.2e", rate))
                .distinct()
                .collect(Collectors.joining(" or "));
    }

    private void timeline(Timeline timeline) {
        line("");
        String columns = "cost: a step's operations, 1 with every group live; cache: what enters the lowest live layer";
        switch (timeline.kind()) {
            case EXACT -> line("timeline (%s)", columns);
            case EARLIEST -> line("timeline with every move as early as the metrics may bring it (%s)", columns);
            case LATEST -> line("timeline with every move as late as the metrics may bring it");
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"epoch", "live", "frozen", "dormant", "lowest live", "cost", "bytes/step", "cache"});
        List<List<Stretch>> epochs = timeline.epochs();
        List<List<String>> notes = new ArrayList<>(List.of(List.of()));
        for (int first = 0; first < epochs.size(); ) {
            int end = first + 1;
            while (end < epochs.size() && looksLike(epochs.get(first), epochs.get(end))) {
                end++;
            }
            rows.add(row(first, end - 1, epochs.get(first)));
            notes.add(moves(timeline, epochs.get(first)));
            first = end;
        }
        table(rows, notes);
        total(timeline);
    }

    /** Whether a later epoch needs no line of its own. */
    private static boolean looksLike(List<Stretch> epoch, List<Stretch> later) {
        return epoch.size() == 1
                && later.size() == 1
                && epoch.get(0).state().equals(later.get(0).state());
    }

    private String[] row(int first, int last, List<Stretch> epoch) {
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
            first == last ? "" + first : first + "-" + last,
            orDash(lives),
            orDash(names(end, GroupState.FROZEN, live)),
            orDash(names(end, GroupState.DORMANT, live)),
            span(epoch.stream()
                    .map(Stretch::state)
                    .sorted(Comparator.comparingInt(cost::lowestStage))
                    .map(cost::lowestLive)
                    .distinct()
                    .toList()),
            String.format(Locale.ROOT, "%.2f", mean(epoch)),
            span(epoch.stream()
                    .map(s -> cost.allReduceBytes(s.state()))
                    .distinct()
                    .sorted()
                    .map(bytes -> String.format(Locale.ROOT, "%,d", bytes))
                    .toList()),
            span(epoch.stream()
                    .map(s -> cost.prefixBytes(
                            s.state(), plan.subject().data().shards().examples()))
                    .distinct()
                    .sorted()
                    .map(Bytes::text)
                    .toList())
        };
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

    private double mean(List<Stretch> stretches) {
        double sum = 0;
        long steps = 0;
        for (Stretch stretch : stretches) {
            sum += stretch.steps() * cost.relative(stretch.state());
            steps += stretch.steps();
        }
        return sum / steps;
    }

    /** What moves in an epoch, and why. A bound's reasons are not the run's, so they are left out. */
    private static List<String> moves(Timeline timeline, List<Stretch> epoch) {
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

    private void total(Timeline timeline) {
        double bytes = 0;

        for (Stretch stretch : timeline.stretches()) {
            bytes += (double) stretch.steps() * cost.allReduceBytes(stretch.state());
        }
        line(
                "  in all: %.2f of the operations of training every group from the start; %s all-reduced a rank",
                mean(timeline.stretches()), Bytes.text(Math.round(bytes)));
    }

    private void memory() {
        RunPlan.Memory memory = plan.subject().memory();
        long kept = plan.keptBytes();
        long state = plan.stateBytes();
        line("");
        line("memory of an executor, beside the Java heap and PyTorch itself");
        line(
                "  %s of base weights, mapped once a host; for each task up to %s that autograd keeps of %s of %d tokens,"
                        + " and %s of adapters and optimizer",
                Bytes.text(plan.subject().model().weightBytes()),
                Bytes.text(kept),
                count(memory.rows(), "row"),
                plan.subject().data().sample().longest(),
                Bytes.text(state));
        if (memory.tasks().isPresent()) {
            int tasks = memory.tasks().getAsInt();
            line(
                    "  with %s at a time: %s",
                    count(tasks, "task"), Bytes.text(plan.subject().model().weightBytes() + tasks * (kept + state)));
        }
        if (memory.baseDropout()) {
            line("  execution.base_dropout keeps its masks on top of that");
        }
    }

    private void warnings() {
        plan.subject().schedule().mayEndBefore().ifPresent(epoch -> {
            if (epoch < plan.subject().schedule().epochs()) {
                line("");
                line("the policy may end the run before epoch %d", epoch);
            }
        });
        if (!plan.warnings().isEmpty()) {
            line("");
            plan.warnings().forEach(warning -> line("warning: %s", warning));
        }
    }

    private static String count(int n, String what) {
        return String.format(Locale.ROOT, "%,d %s%s", n, what, n == 1 ? "" : "s");
    }

    private void line(String format, Object... values) {
        lines.add(String.format(Locale.ROOT, format, values));
    }
}
