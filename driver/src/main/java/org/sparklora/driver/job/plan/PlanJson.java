package org.sparklora.driver.job.plan;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.sparklora.driver.job.plan.Timeline.Stretch;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraModule;

/** A plan as one JSON object, keys as in a run's history. */
public final class PlanJson {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final RunPlan plan;
    private final StepCost cost;

    private PlanJson(RunPlan plan) {
        this.plan = plan;
        this.cost = plan.cost();
    }

    /** The object, indented. */
    public static String of(RunPlan plan) {
        try {
            return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(new PlanJson(plan).root());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("maps of texts and numbers could not be written as JSON", e);
        }
    }

    private Map<String, Object> root() {
        Map<String, Object> root = new LinkedHashMap<>();
        root.put("name", plan.subject().job());
        root.put("model", model());
        root.put("data", data());
        root.put("policy", plan.subject().schedule().policy());
        root.put("epochs", plan.subject().schedule().epochs());
        root.put("steps", plan.steps());
        plan.subject().schedule().mayEndBefore().ifPresent(epoch -> root.put("may_end_before_epoch", epoch));
        root.put("groups", groups());
        root.put("timelines", plan.timelines().stream().map(this::timeline).toList());
        root.put("memory", memory());
        root.put("warnings", plan.warnings());
        return root;
    }

    private Map<String, Object> model() {
        RunPlan.Model model = plan.subject().model();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("path", model.path());
        json.put("layers", model.layers());
        json.put("hidden_size", model.hiddenSize());
        json.put("weight_bytes", model.weightBytes());
        return json;
    }

    private Map<String, Object> data() {
        RunPlan.Data data = plan.subject().data();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("training_rows", data.shards().examples());
        data.validationRows().ifPresent(rows -> json.put("validation_rows", rows));
        json.put("labels", data.labels());
        json.put("batch_size", data.shards().batchSize());
        json.put("shards", data.shards().shards());
        json.put("steps_per_epoch", data.shards().stepsPerEpoch());
        json.put("sample_rows", data.sample().examples());
        json.put("sample_mean_tokens", data.sample().meanLength());
        json.put("sample_longest_tokens", data.sample().longest());
        json.put("sample_truncated_rows", data.sample().truncated());
        return json;
    }

    private List<Object> groups() {
        List<Object> groups = new ArrayList<>();
        for (String name : plan.manifest().names()) {
            Map<String, Object> json = new LinkedHashMap<>();
            json.put("name", name);
            plan.manifest().group(name).ifPresent(group -> declared(group, json));
            long parameters = plan.parameters(name);
            json.put("parameters", parameters);
            json.put("all_reduce_bytes", parameters * Float.BYTES);
            groups.add(json);
        }
        return groups;
    }

    private void declared(LoraGroup group, Map<String, Object> json) {
        json.put("purpose", group.purpose());
        json.put("modules", group.modules().stream().map(PlanJson::module).toList());
        json.put("learning_rate_scale", group.settings().learningRateScale());
        json.put("warmup_steps", group.settings().warmupSteps());
        Map<String, Object> highest = new LinkedHashMap<>();
        plan.timelines()
                .forEach(timeline -> highest.put(
                        timeline.kind().label(),
                        plan.subject().schedule().rates().highest(group.settings(), timeline, group.name())));
        json.put("highest_learning_rate", highest);
    }

    private static Map<String, Object> module(LoraModule module) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", module.path());
        json.put("r", module.loraRank());
        json.put("lora_alpha", module.loraAlpha());
        return json;
    }

    private Map<String, Object> timeline(Timeline timeline) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("kind", timeline.kind().label());
        List<PlannedEpoch> epochs = plan.epochs(timeline);
        costs(epochs, json);
        json.put("epochs", epochs.stream().map(this::epoch).toList());
        return json;
    }

    private Map<String, Object> epoch(PlannedEpoch epoch) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("epoch", epoch.number());
        costs(List.of(epoch), json);
        json.put(
                "activation_cache",
                (epoch.cache().isOn() ? "on: " : "off: ") + epoch.cache().reason());
        json.put("activation_cache_bytes", plan.cacheBytes(epoch.cache()));
        json.put("prefix_runs", !epoch.held());
        json.put(
                "stretches",
                epoch.stretches().stream().map(s -> stretch(s, epoch.held())).toList());
        return json;
    }

    /** What the steps of some epochs cost together, next to what each of them does. */
    private void costs(List<PlannedEpoch> epochs, Map<String, Object> json) {
        json.put("relative_cost", cost.relative(epochs));
        json.put(
                "all_reduce_bytes",
                cost.allReduceBytes(epochs.stream()
                        .flatMap(epoch -> epoch.stretches().stream())
                        .toList()));
    }

    private Map<String, Object> stretch(Stretch stretch, boolean held) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("step", stretch.from().step());
        json.put("steps", stretch.steps());
        for (GroupState state : List.of(GroupState.LIVE, GroupState.FROZEN, GroupState.DORMANT)) {
            json.put(state.label(), stretch.state().in(state));
        }
        json.put("lowest_live", cost.lowestLive(stretch.state()));
        json.put("relative_cost", cost.relative(stretch.state(), held));
        json.put("trainable_parameters", cost.trainableParameters(stretch.state()));
        json.put("all_reduce_bytes_per_step", cost.allReduceBytes(stretch.state()));
        List<Object> moves = new ArrayList<>();
        stretch.moves().forEach(move -> {
            Map<String, Object> moved = new LinkedHashMap<>();
            moved.put("event", move.isThaw() ? "thaw" : "freeze");
            moved.put("group", move.group());
            moved.put("reason", move.reason());
            moves.add(moved);
        });
        json.put("moves", moves);
        return json;
    }

    private Map<String, Object> memory() {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("base_weight_bytes", plan.subject().model().weightBytes());
        json.put("kept_bytes_per_task", plan.keptBytes());
        json.put("state_bytes_per_task", plan.stateBytes());
        json.put("activation_cache_bytes", plan.cacheBytes());
        plan.subject().memory().tasks().ifPresent(tasks -> json.put("tasks", tasks));
        return json;
    }
}
