package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Variable;

/**
 * AdaLoRA (Zhang et al. 2023, arXiv:2303.10512; PEFT's SVDLinear): y = x Wᵀ + b + (drop(x) (E ⊙ A)ᵀ · scaling) Bᵀ.
 *
 * <p>x [M, in], A [r, in], E [r, 1], B [out, r], y [M, out]. A triplet is a value of E with its row of A and its column of B.
 * Each module starts with init_r triplets. While the run trains, {@code worker.train.RankAllocator} sets E to zero for those
 * that matter least; a saved adapter has the others only. The scaling stays alpha / (init_r + 1e-5), whatever was dropped.
 *
 * @param values PEFT's settings, by name. {@code total_step} is 0 while the length of the run is not known. {@code
 *     rank_pattern} of a saved adapter says by the name of E which triplets it has; else it is empty
 */
public record AdaLora(SortedMap<String, Object> values) implements LoraVariant {

    /** PEFT's defaults of the settings that a job has. */
    public static final SortedMap<String, Object> DEFAULTS = Collections.unmodifiableSortedMap(new TreeMap<>(Map.of(
            "init_r", 12,
            "target_r", 8,
            "tinit", 0,
            "tfinal", 0,
            "deltaT", 1,
            "beta1", 0.85,
            "beta2", 0.85,
            "orth_reg_weight", 0.5)));

    /** The settings that come from a run. */
    private static final Map<String, Object> BEFORE_A_RUN = Map.of("total_step", 0, "rank_pattern", Map.of());

    public AdaLora {
        values = Collections.unmodifiableSortedMap(new TreeMap<>(values));
    }

    /** The variant of PEFT's settings; those that are absent have PEFT's defaults. */
    static AdaLora of(Map<String, ?> given) {
        SortedMap<String, Object> values = new TreeMap<>(DEFAULTS);
        values.putAll(BEFORE_A_RUN);
        values.replaceAll((key, value) -> given.get(key) == null ? value : like(value, given.get(key)));
        return new AdaLora(values);
    }

    /** A value of the same type as the default. */
    private static Object like(Object defaultValue, Object given) {
        if (defaultValue instanceof Integer) {
            return Integer.valueOf(given.toString());
        }
        return defaultValue instanceof Double ? (Object) Double.valueOf(given.toString()) : given;
    }

    /** The settings that differ from PEFT's defaults. */
    @Override
    public SortedMap<String, Object> settings() {
        SortedMap<String, Object> settings = new TreeMap<>(values);
        settings.entrySet().removeAll(DEFAULTS.entrySet());
        settings.entrySet().removeAll(BEFORE_A_RUN.entrySet());
        settings.put("peft_type", "ADALORA");
        return settings;
    }

    /** The AdaLoRA of a run, if it is one. */
    public static Optional<AdaLora> in(LoraManifest manifest) {
        return manifest.variant() instanceof AdaLora adaptive ? Optional.of(adaptive) : Optional.empty();
    }

    private AdaLora with(String key, Object value) {
        SortedMap<String, Object> changed = new TreeMap<>(values);
        changed.put(key, value);
        return new AdaLora(changed);
    }

    /** A setting that is a number. */
    public double number(String key) {
        return ((Number) Objects.requireNonNull(values.get(key))).doubleValue();
    }

    /** How many triplets stay. */
    public BudgetSchedule budget() {
        return new BudgetSchedule(
                (int) number("init_r"), (int) number("target_r"), (int) number("tinit"), (int) number("deltaT"), (long)
                        (number("total_step") - number("tfinal")));
    }

    /** PEFT ignores r here, and warns of any but its default. */
    @Override
    public Map<String, Object> peftSettings() {
        return with("r", 8)
                .with("init_lora_weights", true)
                .with("peft_type", "ADALORA")
                .values();
    }

    @Override
    public List<String> problems(List<LoraGroup> groups, long steps) {
        List<String> problems = new ArrayList<>();
        List<LoraModule> modules =
                groups.stream().flatMap(group -> group.modules().stream()).toList();
        if (groups.stream().anyMatch(group -> group.settings().rankStabilized())
                || modules.stream().anyMatch(module -> module.loraRank() != number("init_r"))
                || modules.stream().map(LoraModule::loraAlpha).distinct().count() > 1) {
            problems.add(
                    "lora: with peft_type ADALORA all modules start with rank init_r and have one lora_alpha, scaled by"
                            + " init_r; remove r, rank_pattern, alpha_pattern and use_rslora, and lora_alpha from groups");
        }
        if (number("target_r") > number("init_r")) {
            problems.add("lora.target_r=" + values.get("target_r") + " is above init_r=" + values.get("init_r")
                    + ", but ranks can only become smaller; lower it");
        }
        if (number("tinit") >= steps - number("tfinal")) {
            problems.add("lora.tinit=" + values.get("tinit") + " and lora.tfinal=" + values.get("tfinal")
                    + " leave none of the run's " + steps + " steps to change ranks; lower one of them");
        }
        return problems;
    }

    @Override
    public AdaLora during(long steps) {
        return with("total_step", Math.toIntExact(steps));
    }

    /** Name of A, [r, in]. */
    public static String a(LoraModule module) {
        return module.path() + ".lora_A";
    }

    /** Name of E, [r, 1]. */
    public static String e(LoraModule module) {
        return module.path() + ".lora_E";
    }

    /** Name of B, [out, r]. */
    public static String b(LoraModule module) {
        return module.path() + ".lora_B";
    }

    /** Whether a tensor of this name is the A of some module. */
    public static boolean isA(String tensor) {
        return tensor.endsWith(".lora_A");
    }

    @Override
    public List<TensorSpec> tensors(LoraModule module) {
        return List.of(
                new TensorSpec(a(module), List.of(module.loraRank(), module.inFeatures())),
                new TensorSpec(b(module), List.of(module.outFeatures(), module.loraRank())),
                new TensorSpec(e(module), List.of(module.loraRank(), 1)));
    }

    /** A and B are normal with deviation 0.02, as in PEFT. E is zero, so that nothing changes at first. */
    @Override
    public Map<String, float[]> initialValues(LoraModule module, GroupSettings settings, long seed, BaseWeight weight) {
        List<TensorSpec> tensors = tensors(module);
        return Map.of(
                a(module), Initializers.normal(seed, tensors.get(0), 0.02),
                b(module), Initializers.normal(seed, tensors.get(1), 0.02),
                e(module), new float[module.loraRank()]);
    }

    @Override
    public boolean changesOutput(LoraModule module, AdapterSnapshot values, Supplier<float[]> weight) {
        return !values.isZero(e(module));
    }

    @Override
    public long multiplyAdds(LoraModule module, boolean dropsOut) {
        return PlainLora.INSTANCE.multiplyAdds(module, dropsOut) + module.loraRank();
    }

    /** Beside what plain LoRA saves, the narrow product after E. */
    @Override
    public long savedValues(LoraModule module, boolean dropsOut) {
        return PlainLora.INSTANCE.savedValues(module, dropsOut) + module.loraRank();
    }

    private double scaling(LoraModule module) {
        return module.loraAlpha() / (number("init_r") + 1e-5);
    }

    @Override
    public Layer layer(LoraModule module, GroupSettings settings, boolean trains, AdapterRegistry arrays) {
        PlainLora.Pair pair = new PlainLora.Pair(
                module.path(),
                arrays.tensor(a(module)),
                arrays.tensor(b(module)),
                arrays.constant(scaling(module)),
                OptionalDouble.of(settings.loraDropout()));
        Triplets triplets = new Triplets(pair, arrays.tensor(e(module)));
        return trains ? triplets : triplets.atRest();
    }

    /** A has E as a factor of its rows. */
    @Override
    public Optional<PairAtRest> atRest(LoraModule module, GroupSettings settings, AdapterSnapshot values) {
        float[] e = values.view(e(module));
        float[] a = values.values(a(module));
        for (int i = 0; i < a.length; i++) {
            a[i] *= e[i / module.inFeatures()];
        }
        return Optional.of(new PairAtRest(a, values.view(b(module)), scaling(module)));
    }

    @Override
    public void merge(
            LoraModule module, GroupSettings settings, AdapterSnapshot values, float[] weight, DoubleConsumer out) {
        float[] e = values.view(e(module));
        PairAtRest pair = new PairAtRest(values.view(a(module)), values.view(b(module)), scaling(module));
        PlainLora.merge(module, pair, r -> e[r], weight, out);
    }

    /**
     * Cuts the tensors of each module to the triplets whose E is not zero, as PEFT saves them. A module without any is saved
     * with its first one, because not every reader accepts an empty tensor.
     */
    @Override
    public Saved saved(LoraManifest manifest, AdapterSnapshot values) {
        Map<String, float[]> cut = new HashMap<>();
        SortedMap<String, List<Boolean>> pattern = new TreeMap<>();
        for (LoraModule module : manifest.modules()) {
            if (values.contains(e(module))) {
                List<Boolean> kept = kept(values.view(e(module)));
                pattern.put(e(module), kept);
                tensors(module).forEach(tensor -> cut.put(tensor.name(), cut(tensor, values, kept)));
            }
        }
        LoraManifest smaller = manifest.with(with("rank_pattern", pattern), (module, settings) -> {
            List<Boolean> kept = pattern.get(e(module));
            return kept == null ? module : module.with(Collections.frequency(kept, true), module.loraAlpha());
        });
        return new Saved(smaller, values.with(new AdapterSnapshot(cut)));
    }

    /** Of each triplet, whether it computes anything; if none does, the first one counts. */
    private static List<Boolean> kept(float[] e) {
        boolean none = IntStream.range(0, e.length).allMatch(i -> e[i] == 0f);
        return IntStream.range(0, e.length)
                .mapToObj(i -> e[i] != 0f || (none && i == 0))
                .toList();
    }

    /** What a tensor has for the triplets that are kept. B has a column for each triplet, the others a row. */
    private static float[] cut(TensorSpec tensor, AdapterSnapshot values, List<Boolean> kept) {
        float[] whole = values.view(tensor.name());
        int next = LoraModule.isLoraB(tensor.name()) ? 1 : whole.length / kept.size();
        int size = 0;
        float[] some = new float[whole.length];
        for (int i = 0; i < whole.length; i++) {
            if (kept.get(i / next % kept.size())) {
                some[size++] = whole[i];
            }
        }
        return Arrays.copyOf(some, size);
    }

    /**
     * A module that trains, in one pass.
     *
     * @param pair A and B
     * @param e E [r, 1]
     */
    private record Triplets(PlainLora.Pair pair, Variable e) implements Layer {

        /** The same without gradients and dropout, with E in A. */
        PlainLora.Pair atRest() {
            Variable scaled = e.graph().constant(pair.a().array().mul(e.array()));
            return new PlainLora.Pair(pair.path(), scaled, pair.b(), pair.scaling(), OptionalDouble.empty());
        }

        /** The same with E as a factor of each column of the narrow product, in pieces that PyTorch differentiates. */
        private PlainLora.Pair traced() {
            NDArray factors = e.array().reshape(new Shape(1, -1)).mul(pair.scaling());
            return new PlainLora.Pair(pair.path(), pair.a(), pair.b(), factors, pair.dropout());
        }

        @Override
        public Variable forward(Variable x, Variable weight, @Nullable Variable bias, KeyedDropout masks) {
            Variable read = masks.apply(
                    x.to(Precision.FLOAT32),
                    pair.path() + ".lora_dropout",
                    pair.dropout().orElse(0.0));
            Variable kept = Variable.traced(
                    of -> of.get(0).mul(of.get(1).reshape(new Shape(1, -1))),
                    List.of(),
                    read.linear(pair.a(), null, null).times(pair.scaling()),
                    e);
            Variable base = x.linear(weight, bias, null).to(Precision.FLOAT32);
            return kept.linear(pair.b(), null, base).to(x.precision());
        }

        @Override
        public List<Variable> parameters() {
            return List.of(pair.a(), pair.b(), e);
        }

        @Override
        public NDArray merged(NDArray weight, NDManager manager) {
            return atRest().merged(weight, manager);
        }

        @Override
        public NDArray dot(LinearByHead linear, NDArray query, NDArray x) {
            return traced().dot(linear, query, x);
        }

        @Override
        public NDArray weigh(LinearByHead linear, NDArray weights, NDArray x) {
            return traced().weigh(linear, weights, x);
        }
    }
}
