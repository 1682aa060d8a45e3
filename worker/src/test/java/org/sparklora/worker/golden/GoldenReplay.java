package org.sparklora.worker.golden;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.AdaLora;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;
import org.sparklora.worker.train.AdamW;
import org.sparklora.worker.train.AdaptedModel;
import org.sparklora.worker.train.LearningRateSchedule;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.RankAllocator;
import org.sparklora.worker.train.ShardPass;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.StoredStates;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStep;

/** Replays one stored training run through our engine: one group a layer, the stored batches as pieces. */
final class GoldenReplay {

    private final GoldenCase golden;
    private final BaseModel base;
    private final boolean cached;
    private final int shards;
    private final Deviations deviations;
    private final TaskHead head;
    private final AdapterSnapshot initial;
    private final TrainState state;
    private final OptimizerSettings optimizer;

    /** The newest importance that AdaLoRA has measured. */
    private AdapterSnapshot measured = AdapterSnapshot.EMPTY;

    private final StepSettings settings;

    /**
     * @param cached whether what enters the lowest live stage comes from a pass of its own
     * @param shards how many passes share each batch
     */
    GoldenReplay(GoldenCase golden, BaseModel base, boolean cached, int shards, Deviations deviations)
            throws IOException {
        this.golden = golden;
        this.cached = cached;
        this.shards = shards;
        this.base = base;
        this.deviations = deviations;
        this.head = GoldenParityTest.head(golden, base);
        LoraManifest manifest = manifest();
        this.initial = initial(manifest);
        this.state = new TrainState(manifest, atStart(manifest), initial);
        this.settings = new StepSettings(
                0, (int) golden.hyper("gradient_accumulation_steps").orElse(1), loss(), DropoutRates.NONE);
        this.optimizer = optimizer(manifest);
    }

    private LoraManifest manifest() {
        JsonObject hyper = golden.object("hyper");
        BiasMode bias = BiasMode.valueOf(hyper.get("bias").getAsString().toUpperCase(Locale.ROOT));
        boolean rankStabilized =
                hyper.has("use_rslora") && hyper.get("use_rslora").getAsBoolean();
        Map<String, List<LoraModule>> byGroup = new TreeMap<>();
        for (JsonElement element : golden.array("matched_modules")) {
            JsonObject module = element.getAsJsonObject();
            LoraModule ours = new LoraModule(
                    module.get("module").getAsString(),
                    module.get("r").getAsInt(),
                    module.get("lora_alpha").getAsDouble(),
                    module.get("in_features").getAsInt(),
                    module.get("out_features").getAsInt());
            // AdaLoRA's scaling is alpha, which it divides by init_r in each pass.
            double scaling =
                    ours.scaling(rankStabilized) * golden.hyper("init_r").orElse(1);
            deviations.absolute(
                    "scaling of " + ours.path(), scaling, module.get("scaling").getAsDouble(), 1e-12);
            byGroup.computeIfAbsent(group(ours.path()), g -> new ArrayList<>()).add(ours);
        }
        List<LoraGroup> groups = new ArrayList<>();
        byGroup.forEach((name, modules) -> groups.add(new LoraGroup(
                name,
                "one group a layer, so that the stored events can be followed",
                modules,
                new GroupSettings(0.0, rankStabilized, scale(name), 0))));
        List<TensorSpec> biases = bias == BiasMode.ALL ? base.encoder().biases() : List.of();
        LoraVariant variant = variant(hyper).during(golden.array("steps").size());
        return new LoraManifest(variant, groups, bias, GoldenParityTest.tensors(base, head), biases);
    }

    /** Of those settings that the case has. */
    private static LoraVariant variant(JsonObject hyper) {
        Map<String, Object> settings = new TreeMap<>();
        for (Map.Entry<String, JsonElement> setting : hyper.entrySet()) {
            if (setting.getValue().isJsonPrimitive()) {
                settings.put(setting.getKey(), setting.getValue().getAsString());
            }
        }
        return LoraVariants.of(settings);
    }

    /** The stored first values. Beside them a PiSSA module holds what it has taken out of its weight: A and -B. */
    private AdapterSnapshot initial(LoraManifest manifest) throws IOException {
        Map<String, float[]> values =
                new TreeMap<>(golden.tensors("init.safetensors").orElseThrow());
        for (String group : manifest.names()) {
            for (TensorSpec constant : manifest.constants(group)) {
                float[] taken =
                        new AdapterSnapshot(values).values(constant.name().replace(".taken", ""));
                for (int i = 0; i < taken.length && constant.name().contains(".lora_B."); i++) {
                    taken[i] = -taken[i];
                }
                values.put(constant.name(), taken);
            }
        }
        return new AdapterSnapshot(values);
    }

    private static String group(String path) {
        return path.contains(".layer.") ? "layer." + path.split("\\.")[3] : "pooler";
    }

    /** A thaw with a rate of its own is a group with a scale, in our words. */
    private double scale(String group) {
        for (JsonElement event : golden.object("hyper").getAsJsonArray("events")) {
            JsonObject e = event.getAsJsonObject();
            if (e.has("new_group_lr") && groups(e).contains(group)) {
                return e.get("new_group_lr").getAsDouble() / learningRate();
            }
        }
        return 1.0;
    }

    private static java.util.Set<String> groups(JsonObject event) {
        TreeSet<String> groups = new TreeSet<>();
        event.getAsJsonArray("layers").forEach(layer -> groups.add("layer." + layer.getAsInt()));
        return groups;
    }

    /** Groups that the run freezes before its first step are dormant at start if B = 0, else frozen. */
    private FreezeState atStart(LoraManifest manifest) {
        TreeSet<String> frozen = new TreeSet<>();
        for (JsonObject event : eventsBefore(0)) {
            frozen.addAll(groups(event));
        }
        Map<String, GroupState> states = new HashMap<>();
        for (LoraGroup group : manifest.groups()) {
            boolean trained = group.modules().stream()
                    .anyMatch(module -> LoraVariant.of(manifest)
                            .changesOutput(module, initial, () -> base.floats(module.path() + ".weight")));
            GroupState resting = trained ? GroupState.FROZEN : GroupState.DORMANT;
            states.put(group.name(), frozen.contains(group.name()) ? resting : GroupState.LIVE);
        }
        return FreezeState.of(states);
    }

    private List<JsonObject> eventsBefore(int step) {
        List<JsonObject> events = new ArrayList<>();
        for (JsonElement event : golden.object("hyper").getAsJsonArray("events")) {
            if (event.getAsJsonObject().get("before_step").getAsInt() == step) {
                events.add(event.getAsJsonObject());
            }
        }
        return events;
    }

    private double learningRate() {
        return golden.object("hyper").getAsJsonObject("optimizer").get("lr").getAsDouble();
    }

    private LossSettings loss() {
        JsonElement weights = golden.object("hyper").get("class_weights");
        return weights == null
                ? LossSettings.PLAIN
                : new LossSettings(
                        0,
                        0,
                        weights.getAsJsonArray().asList().stream()
                                .map(JsonElement::getAsFloat)
                                .toList());
    }

    private OptimizerSettings optimizer(LoraManifest manifest) {
        JsonObject adam = golden.object("hyper").getAsJsonObject("optimizer");
        JsonArray betas = adam.getAsJsonArray("betas");
        JsonObject schedule = golden.object("hyper").getAsJsonObject("lr_schedule");
        boolean linear = schedule.get("type").getAsString().startsWith("linear");
        OptionalDouble clip = golden.hyper("max_grad_norm");
        boolean excluded = adam.has("no_decay_for_bias_and_layernorm")
                && adam.get("no_decay_for_bias_and_layernorm").getAsBoolean();
        boolean loraPlus = adam.has("loraplus_lr_ratio");
        Set<String> undecayed = OptimizerSettings.undecayed(manifest, base.encoder(), excluded, excluded, loraPlus);
        if (adam.has("param_groups")) {
            assertThat(undecayed).as("tensors without weight decay").isEqualTo(undecayed(adam));
        }
        OptimizerSettings settings = new OptimizerSettings(
                learningRate(),
                new LearningRateSchedule(
                        linear ? LearningRateSchedule.Type.LINEAR : LearningRateSchedule.Type.CONSTANT,
                        linear ? schedule.get("warmup_steps").getAsInt() : 0,
                        schedule.has("total_steps")
                                ? schedule.get("total_steps").getAsInt()
                                : golden.array("steps").size()),
                new AdamW(
                        betas.get(0).getAsDouble(),
                        betas.get(1).getAsDouble(),
                        adam.get("eps").getAsDouble(),
                        adam.get("weight_decay").getAsDouble(),
                        undecayed),
                clip);
        return loraPlus ? settings.withLoraPlus(adam.get("loraplus_lr_ratio").getAsDouble()) : settings;
    }

    /** The tensors of the stored optimizer's groups without weight decay. */
    private static Set<String> undecayed(JsonObject adam) {
        Set<String> names = new TreeSet<>();
        for (JsonElement group : adam.getAsJsonArray("param_groups")) {
            if (group.getAsJsonObject().get("weight_decay").getAsDouble() == 0) {
                group.getAsJsonObject()
                        .getAsJsonArray("tensors")
                        .forEach(tensor -> names.add(GoldenCase.ourName(tensor.getAsString())));
            }
        }
        return names;
    }

    /** Every stored step, compared as it goes. */
    void run() throws IOException {
        Map<String, float[]> gradients = golden.tensors("grads.safetensors").orElseThrow();
        Optional<Map<String, float[]>> trajectory = golden.tensors("trajectory.safetensors");
        for (int i = 0; i < golden.array("steps").size(); i++) {
            if (i > 0) {
                eventsBefore(i).forEach(this::apply);
            }
            AdapterSnapshot before = everything();
            FreezeState freeze = state.freeze();
            TrainStep step = new TrainStep(state, plan(), optimizer);
            Recorder recorder = new Recorder();
            StepReport report = step.run(i, 0, recorder.exchange(i));
            compare(i, report, gradients, plan(), recorder);
            restingTensorsAreUntouched(before, freeze);
            compareRanks(i);
            int after = i;
            trajectory.ifPresent(t -> compareTrajectory(after, t));
        }
    }

    private void apply(JsonObject event) {
        for (String group : groups(event)) {
            if (event.get("action").getAsString().equals("thaw")) {
                state.thaw(group, OptimizerStateOnThaw.KEEP, initial);
            } else {
                state.freeze(group);
            }
        }
    }

    private FreezePlan plan() {
        return new FreezePlan(state.manifest(), state.freeze(), base.encoder()::layerIndex);
    }

    private CachePlan cachePlan() {
        int lowest = plan().lowestTrainableLayer();
        return cached && lowest > 0
                ? new CachePlan(lowest, StoredType.FLOAT32, "stage " + lowest, "test")
                : CachePlan.off("test");
    }

    /** Keeps the mean gradient as it was before clipping; with AdaLoRA, which no case clips, the step adds to it. */
    private final class Recorder {

        private float @Nullable [] mean;

        org.sparklora.worker.train.GradientExchange exchange(int step) {
            return (epochStep, live) -> {
                JsonArray batches = golden.array("batches");
                int pieces = settings.accumulation();
                List<List<Example>> rows = new ArrayList<>();
                for (int p = 0; p < pieces; p++) {
                    rows.add(GoldenCase.examples(batches.get(step * pieces + p).getAsJsonObject()));
                }
                int examples = rows.stream().mapToInt(List::size).sum();
                EpochPlan plan = new EpochPlan(
                        0, plan(), new ShardPlan(shards, examples, examples, true), state.snapshot(), cachePlan());
                ShardPass pass = new ShardPass(base, head, settings, plan);
                ShardSum sum = ShardSum.zero(live.length);
                for (int shard = 0; shard < shards; shard++) {
                    int own = shard;
                    sum.add(pass.sum(
                            live,
                            0,
                            own,
                            rows.stream().map(piece -> batch(plan, piece, own)).toList()));
                }
                if (AdaLora.in(state.manifest()).isPresent()) {
                    mean = sum.gradient();
                    return sum;
                }
                float[] copy = sum.gradient().clone();
                for (int i = 0; i < copy.length; i++) {
                    copy[i] = (float) (copy[i] / sum.weight());
                }
                mean = copy;
                return sum;
            };
        }
    }

    /** A shard's part of a batch. */
    private Batch batch(EpochPlan plan, List<Example> piece, int shard) {
        List<Example> own = piece.subList(shard * piece.size() / shards, (shard + 1) * piece.size() / shards);
        return plan.cache().isOn() ? StoredStates.batch(base, head, plan, own) : Batch.of(own, 0);
    }

    private void compare(
            int i, StepReport report, Map<String, float[]> gradients, FreezePlan layout, Recorder recorder) {
        JsonObject expected = golden.array("steps").get(i).getAsJsonObject();
        String step = "step " + i + " ";
        deviations.absolute(
                step + "loss", report.loss(), expected.get("loss").getAsDouble(), golden.tolerance("loss_abs"));
        relative(
                step + "total_grad_norm",
                report.gradNorm(),
                expected.get("total_grad_norm").getAsDouble());
        List<Double> rates = expected.getAsJsonArray("lr").asList().stream()
                .map(JsonElement::getAsDouble)
                .toList();
        report.groups()
                .forEach((group, mine) -> assertThat(rates)
                        .as(step + "learning rate of " + group)
                        .anySatisfy(rate -> assertThat(mine.learningRate())
                                .isCloseTo(rate, org.assertj.core.data.Offset.offset(1e-12))));

        JsonObject norms = expected.getAsJsonObject("grad_norm");
        double stored =
                storedFactor(i, gradients, expected.get("total_grad_norm").getAsDouble());
        TreeSet<String> live = new TreeSet<>();
        float[] mean = java.util.Objects.requireNonNull(recorder.mean);
        for (FreezePlan.Slot slot : layout.slots()) {
            String name = slot.tensor().name();
            live.add(name);
            float[] part = java.util.Arrays.copyOfRange(
                    mean, slot.offset(), slot.offset() + slot.tensor().size());
            double norm = 0;
            for (float g : part) {
                norm += (double) g * g;
            }
            String key = "base_model.model." + name;
            relative(step + "grad_norm " + name, Math.sqrt(norm), norms.get(key).getAsDouble());
            float[] wanted = gradients.get("step" + i + "." + name);
            if (wanted != null) {
                for (int e = 0; e < part.length; e++) {
                    part[e] *= (float) stored;
                }
                deviations.relativeL2(
                        step + "gradient " + name,
                        part,
                        wanted,
                        golden.tolerance("grads_rel_l2"),
                        golden.tolerance("grad_norm_floor"));
            }
        }
        assertThat(live)
                .as(step + "tensors with a gradient")
                .isEqualTo(new TreeSet<>(
                        norms.keySet().stream().map(GoldenCase::ourName).toList()));
    }

    /**
     * What the stored gradients of a step were multiplied with. The golden README says 1, but those of the case {@code
     * clip} were stored after clipping had changed them in place: their norm is max_grad_norm, not total_grad_norm.
     */
    private double storedFactor(int step, Map<String, float[]> gradients, double totalNorm) {
        double squares = 0;
        for (Map.Entry<String, float[]> e : gradients.entrySet()) {
            if (e.getKey().startsWith("step" + step + ".")) {
                for (float g : e.getValue()) {
                    squares += (double) g * g;
                }
            }
        }
        double limit = optimizer.maxGradNorm();
        boolean clipped = totalNorm > limit && Math.abs(Math.sqrt(squares) / limit - 1) < 1e-3;
        return clipped ? limit / (totalNorm + 1e-6) : 1.0;
    }

    private void relative(String what, double actual, double expected) {
        double off = Math.abs(actual - expected) / Math.max(expected, golden.tolerance("grad_norm_floor"));
        deviations.absolute(
                what + " (relative, " + actual + " for " + expected + ")", off, 0, golden.tolerance("grad_norm_rel"));
    }

    /** What is not live keeps its bits: no momentum, no decay. */
    private void restingTensorsAreUntouched(AdapterSnapshot before, FreezeState freeze) {
        AdapterSnapshot now = everything();
        for (String group : state.manifest().names()) {
            if (freeze.of(group) != GroupState.LIVE) {
                for (TensorSpec tensor : state.manifest().tensors(group)) {
                    assertThat(now.view(tensor.name())).as(tensor.name()).isEqualTo(before.view(tensor.name()));
                }
            }
        }
    }

    private void compareTrajectory(int step, Map<String, float[]> trajectory) {
        AdapterSnapshot now = everything();
        String prefix = "after" + step + ".";
        trajectory.forEach((key, values) -> {
            if (key.startsWith(prefix)) {
                String name = key.substring(prefix.length());
                deviations.relativeL2(key, now.view(name), values, golden.tolerance("final_rel_l2"), 1e-30);
                deviations.absolute(key, now.view(name), values, golden.tolerance("final_abs"));
            }
        });
    }

    /** AdaLoRA's budget, masks, scores and threshold after a step. */
    private void compareRanks(int step) throws IOException {
        if (AdaLora.in(state.manifest()).isEmpty()) {
            return;
        }
        JsonObject expected = golden.array("steps").get(step).getAsJsonObject();
        List<LoraModule> modules = state.manifest().groups().stream()
                .flatMap(group -> group.modules().stream())
                .toList();
        AdaLora ranks = AdaLora.in(state.manifest()).orElseThrow();
        assertThat(ranks.budget().at(step, modules.size()))
                .as("budget of step " + step)
                .isEqualTo(expected.get("budget").getAsInt());
        assertThat(ranks.budget().allocates(step))
                .as("masks of step " + step)
                .isEqualTo(expected.get("masked").getAsBoolean());
        AdapterSnapshot now = state.capture().values();
        if (step < ranks.budget().last()) {
            // The last allocation ranks what the step before it measured, and forgets it.
            measured = now;
        }
        Map<String, float[]> stored = golden.tensors("adalora.safetensors").orElseThrow();
        String prefix = "step" + step + ".";
        stored.forEach((key, values) -> {
            if (key.startsWith(prefix + "exp_avg_")) {
                String kind = key.substring(prefix.length(), prefix.length() + "exp_avg_ipt".length());
                String tensor = GoldenCase.ourName(key.substring(prefix.length() + kind.length() + 1));
                deviations.relativeL2(
                        key, now.view(tensor + "." + kind), values, golden.tolerance("score_rel_l2"), 1e-30);
            }
        });
        float dropped = 0;
        float kept = Float.MAX_VALUE;
        for (LoraModule module : modules) {
            if (!expected.has("kept")) {
                continue;
            }
            float[] e = now.view(AdaLora.e(module));
            float[] scores = RankAllocator.scores(module, measured::view);
            float[] wanted = stored.get(prefix + "score." + module.path());
            if (wanted != null) {
                deviations.relativeL2(
                        prefix + "score " + module.path(), scores, wanted, golden.tolerance("score_rel_l2"), 1e-30);
            }
            JsonArray mask = expected.getAsJsonObject("kept").getAsJsonArray(module.path());
            for (int i = 0; i < e.length; i++) {
                boolean keeps = mask.get(i).getAsInt() == 1;
                assertThat(e[i] != 0)
                        .as(prefix + module.path() + " keeps triplet " + i)
                        .isEqualTo(keeps);
                kept = keeps ? Math.min(kept, scores[i]) : kept;
                dropped = keeps ? dropped : Math.max(dropped, scores[i]);
            }
        }
        if (expected.has("threshold")) {
            float[] ours = {dropped, kept};
            float[] theirs = {
                expected.get("threshold").getAsFloat(),
                expected.get("next_score").getAsFloat()
            };
            deviations.relativeL2(prefix + "threshold", ours, theirs, golden.tolerance("score_rel_l2"), 1e-30);
        }
    }

    /** All trained tensors, those of groups that are still dormant at their stored first values. */
    AdapterSnapshot everything() {
        return initial.with(state.snapshot()).only(name -> !name.endsWith(".taken"));
    }

    /** Number of updates a tensor has had; 0 for a dormant one. */
    int steps(String tensor) {
        return state.snapshot().contains(tensor) ? state.moments(tensor).steps() : 0;
    }

    float[] moment(String tensor, boolean second) {
        return second ? state.moments(tensor).second() : state.moments(tensor).first();
    }

    /** The model with the adapters as they are now. */
    AdaptedModel model(NDManager manager) {
        return new AdaptedModel(manager, base, head, plan(), state.snapshot(), false);
    }
}
