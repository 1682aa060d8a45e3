package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.lora.BaseWeight;
import org.sparklora.worker.lora.Initializers;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.Svd;

/**
 * The values that a group's tensors start with: those of {@code init_adapter} where it has them; else LoRA tensors as the
 * variant starts them, biases as in the base, the head as in the base if that has one with these labels (see {@link
 * org.sparklora.worker.head.BaseHead}), else from its keyed generator with zero bias.
 *
 * @param initAdapter tensors of init_adapter by name; empty without one
 * @param svd decomposes weights for variants that start from their parts
 * @param headRows for each output of the head the row of the base model's head; empty if the outputs start anew
 */
public record ParameterInitializer(
        BaseModel base,
        LoraManifest manifest,
        long seed,
        AdapterSnapshot initAdapter,
        Svd svd,
        Optional<List<Integer>> headRows) {

    /** First values of every tensor and constant of a group. */
    public AdapterSnapshot of(String group) {
        Map<String, float[]> values = new TreeMap<>();
        // In parallel, because a decomposition takes a second or more; each is a function of its module alone.
        manifest.group(group)
                .ifPresent(of -> of.modules().parallelStream()
                        .map(module -> first(module, of.settings()))
                        .toList()
                        .forEach(values::putAll));
        for (TensorSpec tensor : manifest.tensors(group)) {
            values.computeIfAbsent(tensor.name(), name -> first(tensor));
        }
        return new AdapterSnapshot(values);
    }

    private Map<String, float[]> first(LoraModule module, GroupSettings settings) {
        return initAdapter.contains(variant().tensors(module).get(0).name())
                ? Map.of()
                : variant().initialValues(module, settings, seed, new BaseWeight(weight(module), svd));
    }

    private float[] first(TensorSpec tensor) {
        if (initAdapter.contains(tensor.name())) {
            return initAdapter.values(tensor.name());
        }
        boolean output = tensor.name().startsWith(base.encoder().head().output() + ".");
        Optional<NDArray> inBase = base.optional(tensor.name())
                .filter(weight -> Tensors.shape(weight).equals(tensor.shape()))
                .filter(weight -> !output || headRows.isPresent());
        if (inBase.isPresent()) {
            float[] values = Tensors.toFloats(inBase.get());
            return output ? inOrder(values, headRows.orElseThrow()) : values;
        }
        if (base.isRounded(tensor.name())) {
            return base.floats(tensor.name());
        }
        boolean headWeight = manifest.head().contains(tensor) && tensor.shape().size() > 1;
        return headWeight
                ? Initializers.normal(seed, tensor, base.encoder().sizes().initializerRange())
                : new float[tensor.size()];
    }

    /** The rows of a matrix [C, H] or vector [C] in another order. */
    private static float[] inOrder(float[] values, List<Integer> rows) {
        int width = values.length / rows.size();
        float[] ordered = new float[values.length];
        for (int row = 0; row < rows.size(); row++) {
            System.arraycopy(values, rows.get(row) * width, ordered, row * width, width);
        }
        return ordered;
    }

    /** Whether a group changes the output from the start, so that the forward pass includes it before it first trains. */
    public boolean isTrained(LoraGroup group) {
        return group.modules().stream()
                .anyMatch(module -> variant().changesOutput(module, initAdapter, weight(module)));
    }

    private Supplier<float[]> weight(LoraModule module) {
        return () -> base.floats(module.path() + ".weight");
    }

    private LoraVariant variant() {
        return LoraVariant.of(manifest);
    }
}
