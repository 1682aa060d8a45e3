package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.lora.LoraInit;

/**
 * The values that a group's tensors start with: those of {@code init_adapter} where it has them; else A from its keyed
 * generator, B zero, biases as in the base, the head as in the base if that has one of the same shape, else from its
 * keyed generator with zero bias.
 */
public final class ParameterInitializer {

    private final BaseModel base;
    private final LoraManifest manifest;
    private final long seed;
    private final AdapterSnapshot initAdapter;

    /**
     * @param initAdapter tensors of init_adapter by name; empty without one
     */
    public ParameterInitializer(BaseModel base, LoraManifest manifest, long seed, AdapterSnapshot initAdapter) {
        this.base = base;
        this.manifest = manifest;
        this.seed = seed;
        this.initAdapter = initAdapter;
    }

    /** First values of every tensor of a group. */
    public AdapterSnapshot of(String group) {
        Map<String, float[]> values = new TreeMap<>();
        Map<String, LoraModule> byA = new TreeMap<>();
        manifest.group(group).map(LoraGroup::modules).ifPresent(modules -> modules.forEach(m -> byA.put(m.loraA(), m)));
        for (TensorSpec tensor : manifest.tensors(group)) {
            values.put(tensor.name(), first(tensor, Optional.ofNullable(byA.get(tensor.name()))));
        }
        return new AdapterSnapshot(values);
    }

    private float[] first(TensorSpec tensor, Optional<LoraModule> moduleOfA) {
        if (initAdapter.contains(tensor.name())) {
            return initAdapter.values(tensor.name());
        }
        if (moduleOfA.isPresent()) {
            return LoraInit.loraA(seed, moduleOfA.get());
        }
        Optional<NDArray> inBase = base.optional(tensor.name())
                .filter(weight -> Tensors.shape(weight).equals(tensor.shape()));
        if (inBase.isPresent()) {
            return Tensors.toFloats(inBase.get());
        }
        boolean headWeight = manifest.head().contains(tensor) && tensor.shape().size() > 1;
        return headWeight ? LoraInit.normal(seed, tensor, base.encoder().initializerRange()) : new float[tensor.size()];
    }

    /** Whether a group starts with B ≠ 0, so that it counts in the forward pass even before it is live. */
    public boolean isTrained(LoraGroup group) {
        for (LoraModule module : group.modules()) {
            if (initAdapter.contains(module.loraB())) {
                for (float b : initAdapter.view(module.loraB())) {
                    if (b != 0f) {
                        return true;
                    }
                }
            }
        }
        return false;
    }
}
