package org.sparklora.driver.job.plan;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.job.text.Table;

/** A plan as plain lines for people: {@link PlanJson}'s object, formatted. */
public final class PlanText {

    /** An epoch with more moves shows their number only, since a policy that samples makes dozens. */
    private static final int MAX_MOVES = 4;

    private static final Pattern PLACE = Pattern.compile("\\{(\\w+)(?::([^}]+))?}");

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
        JsonNode data = plan.get("data");
        String validation = data.has("validation_rows") ? ", {validation_rows} validation rows" : "";
        line(plan, "{name}");
        line(
                plan.get("model"),
                "  model     {path}: {layers} layers of width {hidden_size}, {weight_bytes:size} of weights");
        line(
                data,
                "  data      {training_rows} training rows" + validation
                        + "; a sample of {sample_rows} has {sample_mean_tokens:%.1f} tokens a row,"
                        + " {sample_longest_tokens} at most");
        long truncated = number(data, "sample_truncated_rows");
        if (truncated > 0) {
            double percent = 100.0 * truncated / number(data, "sample_rows");
            String cut = String.format(Locale.ROOT, "            %.1f%% of the sample is cut off", percent);
            line(data, cut + " at model.max_length {max_length}");
        }
        line(
                data,
                "  steps     " + number(plan, "epochs")
                        + " epochs of {steps_per_epoch}, {batch_size} rows each, in {shards} shards");
        line(plan, "  policy    {policy}");
    }

    private void groups() {
        lines.add("");
        lines.add("groups");
        String size = "{parameters} parameters, {all_reduce_bytes} bytes per all-reduce";
        for (JsonNode group : plan.get("groups")) {
            if (group.has("modules")) {
                List<JsonNode> modules = list(group.get("modules"));
                String ranks = modules.stream()
                        .map(module -> number(module, "r"))
                        .distinct()
                        .sorted()
                        .map(String::valueOf)
                        .collect(Collectors.joining(", "));
                String count = count(modules.size(), "module");
                line(group, "  {name}: " + count + ", r " + ranks + ", " + size + ", " + rates(group));
                if (!text(group, "purpose").isEmpty()) {
                    line(group, "    {purpose}");
                }
                List<String> names =
                        modules.stream().map(module -> text(module, "name")).toList();
                ModuleNames.shortened(names).forEach(name -> lines.add("    " + name));
            }
        }
        for (JsonNode group : plan.get("groups")) {
            if (!group.has("modules")) {
                line(group, "  {name}: always live, " + size);
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
        String bound = text(timeline, "kind").equals("earliest") ? "early" : "late";
        lines.add("");
        lines.add("timeline" + (exact ? "" : ", every move as " + bound + " as the metrics can cause it")
                + " (cost: operations of a step, 1 with every group live; cache: trunk activations)");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("epoch", "live", "frozen", "dormant", "lowest live", "cost", "bytes/step", "cache"));
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
        List<String> table = Table.left(rows);
        for (int i = 0; i < rows.size(); i++) {
            lines.add("  " + table.get(i));
            moves.get(i).forEach(move -> lines.add("      " + move));
        }
        if (epochs.get(0).has("rank_budget")) {
            lines.add("  triplets that AdaLoRA keeps after each epoch: "
                    + epochs.stream().map(epoch -> text(epoch, "rank_budget")).collect(Collectors.joining(", ")));
        }
        line(
                timeline,
                "  in all: {relative_cost:%.2f} of the operations of training every group from the start;"
                        + " {all_reduce_bytes:size} all-reduced a rank");
    }

    private static boolean alike(JsonNode epoch, JsonNode later) {
        return epoch.get("stretches").size() == 1
                && later.get("stretches").size() == 1
                && Stream.of("live", "frozen", "dormant")
                        .allMatch(state -> epoch.at("/stretches/0/" + state).equals(later.at("/stretches/0/" + state)))
                && epoch.get("prefix_runs").equals(later.get("prefix_runs"));
    }

    private List<String> row(JsonNode epoch, long last) {
        List<JsonNode> stretches = list(epoch.get("stretches"));
        long steps = number(plan.get("data"), "steps_per_epoch");
        Map<String, Long> live = new TreeMap<>();
        for (JsonNode stretch : stretches) {
            stretch.get("live").forEach(group -> live.merge(group.asText(), number(stretch, "steps"), Long::sum));
        }
        JsonNode end = stretches.get(stretches.size() - 1);
        Stream<String> lowest = stretches.stream()
                .sorted(Comparator.comparingLong(stretch -> number(stretch, "lowest_live_index")))
                .map(stretch -> text(stretch, "lowest_live"));
        Stream<String> bytes = stretches.stream()
                .map(stretch -> stretch.get("all_reduce_bytes_per_step"))
                .sorted(Comparator.comparingLong(JsonNode::asLong))
                .map(PlanText::shown);
        boolean cached = number(epoch, "activation_cache_bytes") > 0;
        String cache = epoch.get("prefix_runs").asBoolean()
                ? "{activation_cache_bytes:size} new"
                : "{activation_cache_bytes:size}";
        Stream<String> cells = Stream.of(
                number(epoch, "epoch") == last ? "" + last : number(epoch, "epoch") + "-" + last,
                live.entrySet().stream()
                        .map(e -> e.getKey()
                                + (e.getValue() == steps ? "" : " (" + Math.round(100.0 * e.getValue() / steps) + "%)"))
                        .collect(Collectors.joining(" ")),
                others(end.get("frozen"), live),
                others(end.get("dormant"), live),
                range(lowest.distinct().toList()),
                filled(epoch, "{relative_cost:%.2f}"),
                range(bytes.distinct().toList()),
                cached ? filled(epoch, cache) : "");
        return cells.map(cell -> cell.isEmpty() ? "-" : cell).toList();
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

    private void memory() {
        JsonNode memory = plan.get("memory");
        long tasks = memory.path("tasks").asLong();
        long needed = number(memory, "base_weight_bytes")
                + memory.path("residual_weight_bytes").asLong()
                + tasks * (number(memory, "kept_bytes_per_task") + number(memory, "state_bytes_per_task"));
        lines.add("");
        lines.add("memory of an executor, beside the Java heap and PyTorch itself");
        line(
                memory,
                "  {base_weight_bytes:size} of base weights"
                        + (text(memory, "precision").equals("float32") ? ", mapped once a host" : " in {precision}")
                        + "; for each task up to"
                        + " {kept_bytes_per_task:size} that autograd saves for "
                        + count(number(memory, "rows_per_task"), "row") + " of "
                        + number(plan.get("data"), "sample_longest_tokens")
                        + " tokens, and {state_bytes_per_task:size} of adapters and optimizer");
        if (memory.has("residual_weight_bytes")) {
            line(memory, "  {residual_weight_bytes:size} of residual weights of adapted modules, once a JVM");
        }
        if (memory.has("tasks")) {
            lines.add("  with " + count(tasks, "task") + " at a time: " + Bytes.text(needed));
        }
        if (number(memory, "activation_cache_bytes") > 0) {
            line(
                    memory,
                    "  activation cache: up to {activation_cache_bytes:size} over all executors, in their storage memory"
                            + " if half of it suffices, else on their disks");
        }
        if (memory.get("base_dropout").asBoolean()) {
            lines.add("  execution.base_dropout adds its masks and the attention probabilities, which are not counted"
                    + " here");
        }
    }

    private void warnings() {
        if (plan.has("may_end_before_epoch") && number(plan, "may_end_before_epoch") < number(plan, "epochs")) {
            lines.add("");
            line(plan, "the policy may end the run before epoch {may_end_before_epoch}");
        }
        if (!plan.get("warnings").isEmpty()) {
            lines.add("");
            plan.get("warnings").forEach(warning -> lines.add("warning: " + warning.asText()));
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

    private static String count(long n, String what) {
        return String.format(Locale.ROOT, "%,d %s%s", n, what, n == 1 ? "" : "s");
    }

    private void line(JsonNode of, String template) {
        lines.add(filled(of, template));
    }

    /** The text with each {@code {key}} replaced by the value of the key; {@code {key:size}} is a size in bytes. */
    private static String filled(JsonNode of, String template) {
        return PLACE.matcher(template).replaceAll(place -> {
            JsonNode value = of.get(place.group(1));
            String format = place.group(2);
            if (format == null) {
                return Matcher.quoteReplacement(shown(value));
            }
            return format.equals("size")
                    ? Bytes.text(value.asLong())
                    : String.format(Locale.ROOT, format, value.asDouble());
        });
    }

    private static String shown(JsonNode value) {
        return value.isTextual() ? value.asText() : String.format(Locale.ROOT, "%,d", value.asLong());
    }
}
