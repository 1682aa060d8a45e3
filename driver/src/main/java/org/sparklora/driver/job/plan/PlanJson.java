package org.sparklora.driver.job.plan;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import org.sparklora.driver.job.plan.Timeline.Stretch;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.lora.AdaLora;

/** A plan as one JSON object, with the keys of a run's history. {@link PlanText} formats the same object for people. */
public final class PlanJson {

    private static final ObjectMapper JSON =
            new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

    private final RunPlan plan;
    private final StepCost cost;

    private PlanJson(RunPlan plan) {
        this.plan = plan;
        this.cost = plan.cost();
    }

    /** The object as indented text. */
    public static String of(RunPlan plan) {
        return tree(plan).toPrettyString();
    }

    /** The object. */
    static JsonNode tree(RunPlan plan) {
        return new PlanJson(plan).root();
    }

    private ObjectNode root() {
        RunPlan.Subject subject = plan.subject();
        ObjectNode root = JSON.createObjectNode().put("name", subject.job());
        root.set("model", JSON.valueToTree(subject.model()));
        data(root.putObject("data"), subject.data());
        root.put("policy", subject.schedule().policy())
                .put("epochs", subject.schedule().length().epochs())
                .put("steps", plan.steps());
        subject.schedule().mayEndBefore().ifPresent(epoch -> root.put("may_end_before_epoch", epoch));
        ArrayNode groups = root.putArray("groups");
        plan.manifest().names().forEach(name -> group(groups.addObject(), name));
        ArrayNode timelines = root.putArray("timelines");
        plan.timelines().forEach(timeline -> timeline(timelines.addObject(), timeline));
        ObjectNode memory = root.putObject("memory")
                .put("base_weight_bytes", subject.model().weightBytes())
                .put("precision", subject.memory().precision().name().toLowerCase(Locale.ROOT))
                .put("kept_bytes_per_task", plan.savedBytes())
                .put("state_bytes_per_task", plan.stateBytes())
                .put("activation_cache_bytes", plan.cacheBytes())
                .put("rows_per_task", subject.memory().rows())
                .put("base_dropout", subject.memory().baseDropout());
        if (plan.residualBytes() > 0) {
            memory.put("residual_weight_bytes", plan.residualBytes());
        }
        subject.memory().tasks().ifPresent(tasks -> memory.put("tasks", tasks));
        texts(root.putArray("warnings"), plan.warnings());
        return root;
    }

    private static void data(ObjectNode json, RunPlan.Data data) {
        json.put("training_rows", data.shards().examples());
        data.validationRows().ifPresent(rows -> json.put("validation_rows", rows));
        texts(json.putArray("labels"), data.labels());
        json.put("batch_size", data.shards().batchSize())
                .put("shards", data.shards().shards())
                .put("steps_per_epoch", data.shards().stepsPerEpoch())
                .put("sample_rows", data.sample().examples())
                .put("sample_mean_tokens", data.sample().meanLength())
                .put("sample_longest_tokens", data.sample().longest())
                .put("sample_truncated_rows", data.sample().truncated())
                .put("max_length", data.maxLength());
    }

    private void group(ObjectNode json, String name) {
        json.put("name", name);
        plan.manifest().group(name).ifPresent(group -> declared(json, group));
        long parameters = plan.parameters(name);
        json.put("parameters", parameters).put("all_reduce_bytes", parameters * Float.BYTES);
    }

    private void declared(ObjectNode json, LoraGroup group) {
        json.put("purpose", group.purpose());
        ArrayNode modules = json.putArray("modules");
        group.modules()
                .forEach(module -> modules.addObject()
                        .put("name", module.path())
                        .put("r", module.loraRank())
                        .put("lora_alpha", module.loraAlpha()));
        json.put("learning_rate_scale", group.settings().learningRateScale())
                .put("warmup_steps", group.settings().warmupSteps());
        ObjectNode highest = json.putObject("highest_learning_rate");
        RunPlan.Schedule schedule = plan.subject().schedule();
        plan.timelines()
                .forEach(timeline -> highest.put(
                        timeline.kind().label(),
                        timeline.highestRate(
                                schedule.learningRate(), schedule.rates(), group.name(), group.settings())));
    }

    private void timeline(ObjectNode json, Timeline timeline) {
        List<Timeline.Epoch> epochs = timeline.epochs(plan.planner());
        costs(json.put("kind", timeline.kind().label()), epochs);
        ArrayNode array = json.putArray("epochs");
        epochs.forEach(epoch -> epoch(array.addObject(), epoch));
    }

    private void epoch(ObjectNode json, Timeline.Epoch epoch) {
        costs(json.put("epoch", epoch.number()), List.of(epoch));
        json.put(
                        "activation_cache",
                        (epoch.cache().isOn() ? "on: " : "off: ")
                                + epoch.cache().reason())
                .put("activation_cache_bytes", plan.cacheBytes(epoch.cache()))
                .put("prefix_runs", !epoch.held());
        AdaLora.in(plan.manifest()).ifPresent(ranks -> json.put("rank_budget", rankBudget(ranks, epoch)));
        ArrayNode stretches = json.putArray("stretches");
        epoch.stretches().forEach(stretch -> stretch(stretches.addObject(), stretch, epoch.held()));
    }

    /** What AdaLoRA's modules keep together after an epoch. */
    private int rankBudget(AdaLora ranks, Timeline.Epoch epoch) {
        Stretch last = epoch.stretches().get(epoch.stretches().size() - 1);
        int modules = plan.manifest().groups().stream()
                .filter(group -> last.state().of(group.name()) != GroupState.DORMANT)
                .mapToInt(group -> group.modules().size())
                .sum();
        long step = last.from().globalStep() + last.steps() - 1;
        return ranks.budget().inForce(step, modules);
    }

    /** The total cost of the steps of some epochs. */
    private void costs(ObjectNode json, List<Timeline.Epoch> epochs) {
        json.put("relative_cost", cost.relative(epochs));
        json.put(
                "all_reduce_bytes",
                epochs.stream()
                        .flatMap(epoch -> epoch.stretches().stream())
                        .mapToLong(stretch -> stretch.steps() * cost.allReduceBytes(stretch.state()))
                        .sum());
    }

    private void stretch(ObjectNode json, Stretch stretch, boolean held) {
        json.put("step", stretch.from().step()).put("steps", stretch.steps());
        for (GroupState state : List.of(GroupState.LIVE, GroupState.FROZEN, GroupState.DORMANT)) {
            texts(json.putArray(state.label()), stretch.state().in(state));
        }
        int lowest = cost.lowestTrainableLayer(stretch.state());
        json.put("lowest_live", plan.planner().encoder().layerName(lowest))
                .put("lowest_live_index", lowest)
                .put("relative_cost", cost.relative(stretch.state(), held))
                .put("trainable_parameters", cost.trainableParameters(stretch.state()))
                .put("all_reduce_bytes_per_step", cost.allReduceBytes(stretch.state()));
        ArrayNode moves = json.putArray("moves");
        stretch.moves()
                .forEach(move -> moves.addObject()
                        .put("event", move.isThaw() ? "thaw" : "freeze")
                        .put("group", move.group())
                        .put("reason", move.reason()));
    }

    private static void texts(ArrayNode array, List<String> texts) {
        texts.forEach(array::add);
    }
}
