package org.sparklora.worker.lora;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

/**
 * PiSSA (Meng, Wang and Zhang 2024, arXiv:2404.02948): plain LoRA that starts from the r leading singular vectors of W [out, in]
 * instead of zero, as PEFT has it. With W = U diag(S) Vᵀ, A = √(S / scaling) Vᵀ and B = U √(S / scaling), and the base of
 * the module becomes the {@link Residual} W − scaling · B A. So a group that thaws changes the output by rounding only.
 *
 * <p>Beside A and B, a module keeps the first A and the negative of the first B, which never train: 2 r (in + out) values
 * from which every JVM computes the residual, in · out values, with the same bits. They are also the second half of the
 * adapter that is saved, see {@link #saved}. A dormant module keeps nothing, and its weight stays as it is.
 *
 * @param init PEFT's init_lora_weights: {@code pissa}, or {@code pissa_niter_N} for a randomized decomposition
 */
public record Pissa(String init) implements LoraVariant {

    private static final String RANDOMIZED = "pissa_niter_";

    /** Follows the name of A or B in the name of what the module keeps of its first value. */
    private static final String TAKEN = ".taken";

    @Override
    public List<TensorSpec> constants(LoraModule module) {
        return tensors(module).stream()
                .map(tensor -> new TensorSpec(tensor.name() + TAKEN, tensor.shape()))
                .toList();
    }

    @Override
    public Map<String, Object> settings() {
        return Map.of("init_lora_weights", init);
    }

    /** The leading part of the weight, with the signs that make the largest entry of each column of U positive. */
    @Override
    public Map<String, float[]> initialValues(LoraModule module, GroupSettings settings, long seed, BaseWeight weight) {
        int rank = module.loraRank();
        int in = module.inFeatures();
        int out = module.outFeatures();
        OptionalInt iterations = init.startsWith(RANDOMIZED)
                ? OptionalInt.of(Integer.parseInt(init.substring(RANDOMIZED.length())))
                : OptionalInt.empty();
        Svd.Part part = weight.svd()
                .leading(
                        weight.values().get(),
                        out,
                        in,
                        rank,
                        iterations,
                        KeyedRandom.key(seed, "init/" + module.loraA()));
        float[] a = new float[rank * in];
        float[] b = new float[out * rank];
        float[] taken = new float[out * rank];
        for (int k = 0; k < rank; k++) {
            double root = StrictMath.sqrt(part.values()[k] / module.scaling(settings.rankStabilized()));
            double signed = largest(part.left()[k]) < 0 ? -root : root;
            for (int i = 0; i < in; i++) {
                a[k * in + i] = (float) (signed * part.right()[k][i]);
            }
            for (int i = 0; i < out; i++) {
                b[i * rank + k] = (float) (signed * part.left()[k][i]);
                taken[i * rank + k] = -b[i * rank + k];
            }
        }
        return Map.of(module.loraA(), a, module.loraB(), b, module.loraA() + TAKEN, a, module.loraB() + TAKEN, taken);
    }

    /** The entry of the largest size, the first of equal ones. */
    private static double largest(double[] vector) {
        return Arrays.stream(vector).reduce(0, (most, entry) -> Math.abs(entry) > Math.abs(most) ? entry : most);
    }

    /** A module that has values has taken its part out of the weight; none has before its first thaw. */
    @Override
    public boolean changesOutput(LoraModule module, AdapterSnapshot values, Supplier<float[]> weight) {
        return values.contains(module.loraA());
    }

    @Override
    public long residualValues(LoraModule module) {
        return (long) module.inFeatures() * module.outFeatures();
    }

    @Override
    public Optional<Residual> residual(LoraModule module, GroupSettings settings, AdapterSnapshot values) {
        AdapterSnapshot taken = new AdapterSnapshot(Map.of(
                module.loraA(), values.view(module.loraA() + TAKEN),
                module.loraB(), values.view(module.loraB() + TAKEN)));
        return Optional.of(new Residual(module, settings, taken));
    }

    /** The pair beside the residual. */
    @Override
    public Layer layer(LoraModule module, GroupSettings settings, boolean trains, AdapterRegistry arrays) {
        return PlainLora.INSTANCE.layer(module, settings, trains, arrays);
    }

    @Override
    public void merge(
            LoraModule module, GroupSettings settings, AdapterSnapshot values, float[] weight, DoubleConsumer out) {
        LoraModule plain = plain(module, settings);
        PlainLora.INSTANCE.merge(plain, settings, new AdapterSnapshot(pair(module, values)), weight, out);
    }

    @Override
    public List<String> problems(List<LoraGroup> groups, long steps) {
        return groups.stream()
                .flatMap(group -> group.modules().stream()
                        .filter(module -> 2 * module.loraRank() > Math.min(module.inFeatures(), module.outFeatures()))
                        .map(module -> "lora.groups." + group.name() + ": with " + settings()
                                + " the adapter is saved with twice its rank, 2 x " + module.loraRank()
                                + ", which is above the smaller side of '" + module.path() + "' ("
                                + module.outFeatures() + " x " + module.inFeatures() + "); lower r"))
                .toList();
    }

    /**
     * The plain adapter of rank 2 r on the original weights, which any reader of PEFT's adapters has: PEFT's conversion
     * [A; A₀], [B, −B₀].
     */
    @Override
    public Saved saved(LoraManifest manifest, AdapterSnapshot values) {
        Map<String, float[]> pairs = new TreeMap<>();
        manifest.modules().stream()
                .filter(module -> values.contains(module.loraA()))
                .forEach(module -> pairs.putAll(pair(module, values)));
        return new Saved(
                manifest.with(PlainLora.INSTANCE, Pissa::plain),
                values.only(name -> !name.endsWith(TAKEN)).with(new AdapterSnapshot(pairs)));
    }

    /** A module of twice the rank with the same scaling. */
    private static LoraModule plain(LoraModule module, GroupSettings settings) {
        double factor = settings.rankStabilized() ? StrictMath.sqrt(2) : 2;
        return module.with(2 * module.loraRank(), factor * module.loraAlpha());
    }

    /** A and B of a module and what it has taken, as one pair. */
    private static Map<String, float[]> pair(LoraModule module, AdapterSnapshot values) {
        float[] a = values.view(module.loraA());
        float[] taken = values.view(module.loraA() + TAKEN);
        float[] both = Arrays.copyOf(a, 2 * a.length);
        System.arraycopy(taken, 0, both, a.length, a.length);
        int rank = module.loraRank();
        float[] beside = new float[2 * rank * module.outFeatures()];
        for (int row = 0; row < module.outFeatures(); row++) {
            System.arraycopy(values.view(module.loraB()), row * rank, beside, 2 * row * rank, rank);
            System.arraycopy(values.view(module.loraB() + TAKEN), row * rank, beside, (2 * row + 1) * rank, rank);
        }
        return Map.of(module.loraA(), both, module.loraB(), beside);
    }
}
