package org.sparklora.driver.job.plan;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.sparklora.driver.job.text.Bytes;

/** A plan as plain lines for people: {@link PlanJson}'s object, formatted. */
public final class PlanText {

    /** An epoch with more moves shows their number only, since a policy that samples makes dozens. */
    private static final int MAX_MOVES = 4;

    private final JsonNode plan;
    private final List<String> lines = new ArrayList<>();

    private PlanText(JsonNode plan) {
        this.plan = plan;
    }

    /** The lines. */
    public static List<String> of(RunPlan plan) {
        PlanText text = new PlanText(PlanJson.tree(plan));
        text.subject();
        text.groups();
        text.plan.get("timelines").forEach(text::timeline);
        text.memory();
        text.warnings();
        return List.copyOf(text.lines);
    }

    private void subject() {
        JsonNode model = plan.get("model");
        JsonNode data = plan.get("data");
        line("%s", text(plan, "name"));
        line(
                "  model     %s: %d layers of width %d, %s of weights",
                text(model, "path"),
                number(model, "layers"),
                number(model, "hidden_size"),
                bytes(model, "weight_bytes"));
        line(
                "  data      %,d training rows%s; a sample of %,d has %.1f tokens a row, %d at most",
                number(data, "training_rows"),
                data.has("validation_rows")
                        ? String.format(Locale.ROOT, ", %,d validation rows", number(data, "validation_rows"))
                        : "",
                number(data, "sample_rows"),
                data.get("sample_mean_tokens").asDouble(),
                number(data, "sample_longest_tokens"));
        if (number(data, "sample_truncated_rows") > 0) {
            line(
                    "            %.1f%% of the sample is cut off at model.max_length %d",
                    100.0 * number(data, "sample_truncated_rows") / number(data, "sample_rows"),
                    number(data, "max_length"));
        }
        line(
                "  steps     %d epochs of %,d, %,d rows each, in %d shards",
                number(plan, "epochs"),
                number(data, "steps_per_epoch"),
                number(data, "batch_size"),
                number(data, "shards"));
        line("  policy    %s", text(plan, "policy"));
    }

    private void groups() {
        line("");
        line("groups");
        for (JsonNode group : plan.get("groups")) {
            if (group.has("modules")) {
                List<JsonNode> modules = list(group.get("modules"));
                String ranks = modules.stream()
                        .map(module -> number(module, "r"))
                        .distinct()
                        .sorted()
                        .map(String::valueOf)
                        .collect(Collectors.joining(", "));
                line(
                        "  %s: %s, r %s, %,d parameters, %,d bytes per all-reduce, %s",
                        text(group, "name"),
                        count(modules.size(), "module"),
                        ranks,
                        number(group, "parameters"),
                        number(group, "all_reduce_bytes"),
                        rates(group));
                if (!text(group, "purpose").isEmpty()) {
                    line("    %s", text(group, "purpose"));
                }
                ModuleNames.shortened(modules.stream()
                                .map(module -> text(module, "name"))
                                .toList())
                        .forEach(name -> line("    %s", name));
            }
        }
        for (JsonNode group : plan.get("groups")) {
            if (!group.has("modules")) {
                line(
                        "  %s: always live, %,d parameters, %,d bytes per all-reduce",
                        text(group, "name"), number(group, "parameters"), number(group, "all_reduce_bytes"));
            }
        }
    }

    /** The highest learning rate of a group; both if the two timelines differ. */
    private static String rates(JsonNode group) {
        return list(group.get("highest_learning_rate")).stream()
                .map(JsonNode::asDouble)
                .map(rate -> rate == 0 ? "never live" : String.format(Locale.ROOT, "learning rate up to %.2e", rate))
                .distinct()
                .collect(Collectors.joining(" or "));
    }

    /** A row for each epoch, or for consecutive epochs that are alike, with the moves before it. */
    private void timeline(JsonNode timeline) {
        boolean exact = text(timeline, "kind").equals("exact");
        line("");
        line(
                "timeline%s (cost: operations of a step, 1 with every group live; cache: trunk activations)",
                exact
                        ? ""
                        : ", every move as " + (text(timeline, "kind").equals("earliest") ? "early" : "late")
                                + " as the metrics can cause it");
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"epoch", "live", "frozen", "dormant", "lowest live", "cost", "bytes/step", "cache"});
        List<List<String>> moves = new ArrayList<>(List.of(List.of()));
        List<JsonNode> epochs = list(timeline.get("epochs"));
        for (int first = 0; first < epochs.size(); ) {
            int end = first + 1;
            while (end < epochs.size() && alike(epochs.get(first), epochs.get(end))) {
                end++;
            }
            rows.add(row(epochs.get(first), number(epochs.get(end - 1), "epoch")));
            // The reasons of a bound are not those of the run.
            moves.add(exact ? moves(epochs.get(first)) : List.of());
            first = end;
        }
        List<String> table = table(rows, "-");
        for (int i = 0; i < rows.size(); i++) {
            line("  %s", table.get(i));
            moves.get(i).forEach(move -> line("      %s", move));
        }
        line(
                "  in all: %.2f of the operations of training every group from the start; %s all-reduced a rank",
                timeline.get("relative_cost").asDouble(), bytes(timeline, "all_reduce_bytes"));
    }

    private static boolean alike(JsonNode epoch, JsonNode later) {
        return epoch.get("stretches").size() == 1
                && later.get("stretches").size() == 1
                && Stream.of("live", "frozen", "dormant")
                        .allMatch(state -> epoch.at("/stretches/0/" + state).equals(later.at("/stretches/0/" + state)))
                && epoch.get("prefix_runs").equals(later.get("prefix_runs"));
    }

    private String[] row(JsonNode epoch, long last) {
        List<JsonNode> stretches = list(epoch.get("stretches"));
        long steps = number(plan.get("data"), "steps_per_epoch");
        Map<String, Long> live = new TreeMap<>();
        for (JsonNode stretch : stretches) {
            stretch.get("live").forEach(group -> live.merge(group.asText(), number(stretch, "steps"), Long::sum));
        }
        JsonNode end = stretches.get(stretches.size() - 1);
        String cache = number(epoch, "activation_cache_bytes") == 0
                ? ""
                : bytes(epoch, "activation_cache_bytes")
                        + (epoch.get("prefix_runs").asBoolean() ? " new" : "");
        return new String[] {
            number(epoch, "epoch") == last ? "" + last : number(epoch, "epoch") + "-" + last,
            live.entrySet().stream()
                    .map(e -> e.getKey()
                            + (e.getValue() == steps ? "" : " (" + Math.round(100.0 * e.getValue() / steps) + "%)"))
                    .collect(Collectors.joining(" ")),
            others(end.get("frozen"), live),
            others(end.get("dormant"), live),
            range(stretches.stream()
                    .sorted(Comparator.comparingLong(stretch -> number(stretch, "lowest_live_index")))
                    .map(stretch -> text(stretch, "lowest_live"))
                    .distinct()
                    .toList()),
            String.format(Locale.ROOT, "%.2f", epoch.get("relative_cost").asDouble()),
            range(stretches.stream()
                    .map(stretch -> number(stretch, "all_reduce_bytes_per_step"))
                    .distinct()
                    .sorted()
                    .map(bytes -> String.format(Locale.ROOT, "%,d", bytes))
                    .toList()),
            cache
        };
    }

    /** Groups in a state at the end of an epoch that were not live in it. */
    private static String others(JsonNode groups, Map<String, Long> live) {
        return list(groups).stream()
                .map(JsonNode::asText)
                .filter(group -> !live.containsKey(group))
                .collect(Collectors.joining(" "));
    }

    private static String range(List<String> values) {
        return values.size() == 1 ? values.get(0) : values.get(0) + " to " + values.get(values.size() - 1);
    }

    private static List<String> moves(JsonNode epoch) {
        List<String> moves = new ArrayList<>();
        int positions = 0;
        for (JsonNode stretch : epoch.get("stretches")) {
            positions += stretch.get("moves").isEmpty() ? 0 : 1;
            stretch.get("moves")
                    .forEach(move -> moves.add(
                            text(move, "event") + " " + text(move, "group") + " (" + text(move, "reason") + ")"));
        }
        return moves.size() <= MAX_MOVES
                ? moves
                : List.of(moves.size() + " moves before " + positions + " of its steps; --json lists them");
    }

    /**
     * Rows with columns of equal width.
     *
     * @param empty stands for an empty cell
     */
    private static List<String> table(List<String[]> rows, String empty) {
        int[] widths = new int[rows.get(0).length];
        rows.forEach(row -> {
            Arrays.setAll(row, i -> row[i].isEmpty() ? empty : row[i]);
            Arrays.setAll(widths, i -> Math.max(widths[i], row[i].length()));
        });
        return rows.stream()
                .map(row -> {
                    StringBuilder line = new StringBuilder();
                    for (int i = 0; i < row.length; i++) {
                        line.append(row[i]).append(" ".repeat(widths[i] - row[i].length() + 2));
                    }
                    return line.toString().stripTrailing();
                })
                .toList();
    }

    private void memory() {
        JsonNode memory = plan.get("memory");
        long weights = number(memory, "base_weight_bytes");
        long task = number(memory, "kept_bytes_per_task") + number(memory, "state_bytes_per_task");
        line("");
        line("memory of an executor, beside the Java heap and PyTorch itself");
        line(
                "  %s of base weights, mapped once a host; for each task up to %s that autograd saves for %s of %d tokens,"
                        + " and %s of adapters and optimizer",
                Bytes.text(weights),
                bytes(memory, "kept_bytes_per_task"),
                count(number(memory, "rows_per_task"), "row"),
                number(plan.get("data"), "sample_longest_tokens"),
                bytes(memory, "state_bytes_per_task"));
        if (memory.has("tasks")) {
            long tasks = number(memory, "tasks");
            line("  with %s at a time: %s", count(tasks, "task"), Bytes.text(weights + tasks * task));
        }
        if (number(memory, "activation_cache_bytes") > 0) {
            line(
                    "  activation cache: up to %s over all executors, in their storage memory if half of it suffices, else"
                            + " on their disks",
                    bytes(memory, "activation_cache_bytes"));
        }
        if (memory.get("base_dropout").asBoolean()) {
            line("  execution.base_dropout adds its masks and the attention probabilities, which are not counted here");
        }
    }

    private void warnings() {
        if (plan.has("may_end_before_epoch") && number(plan, "may_end_before_epoch") < number(plan, "epochs")) {
            line("");
            line("the policy may end the run before epoch %d", number(plan, "may_end_before_epoch"));
        }
        if (!plan.get("warnings").isEmpty()) {
            line("");
            plan.get("warnings").forEach(warning -> line("warning: %s", warning.asText()));
        }
    }

    private static List<JsonNode> list(JsonNode node) {
        return StreamSupport.stream(node.spliterator(), false).toList();
    }

    private static String text(JsonNode node, String key) {
        return node.get(key).asText();
    }

    private static long number(JsonNode node, String key) {
        return node.get(key).asLong();
    }

    private static String bytes(JsonNode node, String key) {
        return Bytes.text(number(node, key));
    }

    private static String count(long n, String what) {
        return String.format(Locale.ROOT, "%,d %s%s", n, what, n == 1 ? "" : "s");
    }

    private void line(String format, Object... values) {
        lines.add(String.format(Locale.ROOT, format, values));
    }
}
