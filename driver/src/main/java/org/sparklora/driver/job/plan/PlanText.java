package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.TextStatistics;

/** A plan as plain lines for people. */
public final class PlanText {

    private final RunPlan plan;
    private final List<String> lines = new ArrayList<>();

    private PlanText(RunPlan plan) {
        this.plan = plan;
    }

    /** The lines. */
    public static List<String> of(RunPlan plan) {
        PlanText text = new PlanText(plan);
        text.subject();
        text.groups();
        for (Timeline timeline : plan.timelines()) {
            text.line("");
            text.lines.addAll(TimelineText.of(timeline, plan));
        }
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
            long parameters = plan.parameters(group.name());
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
                        name, plan.parameters(name), plan.parameters(name) * Float.BYTES);
            }
        }
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
        if (plan.cacheBytes() > 0) {
            line(
                    "  activation cache: up to %s over all executors, in their storage memory where half of it suffices, else"
                            + " on their disks",
                    Bytes.text(plan.cacheBytes()));
        }
        if (memory.baseDropout()) {
            line("  execution.base_dropout keeps its masks and the probabilities of attention on top of that");
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
