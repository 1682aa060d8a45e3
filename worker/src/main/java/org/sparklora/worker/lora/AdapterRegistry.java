package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Autograd;
import org.sparklora.worker.engine.Tensors;

/**
 * The trainable tensors of one forward pass in the engine's memory: leaves for live groups, plain arrays for frozen
 * ones, nothing for dormant ones.
 *
 * <p>Not thread-safe. Arrays belong to the manager given, which the caller closes.
 */
public final class AdapterRegistry {

    private final SortedMap<String, NDArray> tensors = new TreeMap<>();
    private final Map<String, LoraLinear> linears = new HashMap<>();

    /**
     * @param training whether live tensors become leaves that gradients are kept for
     */
    public AdapterRegistry(
            NDManager manager, LoraManifest manifest, FreezeState freeze, AdapterSnapshot values, boolean training) {
        for (String group : manifest.names()) {
            GroupState state = freeze.of(group);
            if (state == GroupState.DORMANT) {
                continue;
            }
            boolean leaves = training && state == GroupState.LIVE;
            for (TensorSpec tensor : manifest.tensors(group)) {
                tensors.put(tensor.name(), array(manager, tensor, values, leaves));
            }
            manifest.group(group).ifPresent(g -> addLinears(manager, g, leaves));
        }
    }

    private static NDArray array(NDManager manager, TensorSpec tensor, AdapterSnapshot values, boolean leaf) {
        float[] v = values.view(tensor.name());
        if (v.length != tensor.size()) {
            throw new IllegalArgumentException("tensor '" + tensor.name() + "' has " + v.length
                    + " values, but its shape " + tensor.shape() + " asks for " + tensor.size());
        }
        List<Integer> shape = tensor.shape();
        return leaf ? Autograd.leaf(manager, v, shape) : Tensors.floats(manager, v, shape);
    }

    private void addLinears(NDManager manager, LoraGroup group, boolean live) {
        for (LoraModule module : group.modules()) {
            double scaling = module.scaling(group.settings().rankStabilized());
            linears.put(
                    module.path(),
                    new LoraLinear(
                            module.path(),
                            tensor(module.loraA()),
                            tensor(module.loraB()),
                            Tensors.constant(manager, scaling),
                            live ? group.settings().loraDropout() : 0.0));
        }
    }

    /** The LoRA pair of a module, if its group is not dormant. */
    public Optional<LoraLinear> linear(String path) {
        return Optional.ofNullable(linears.get(path));
    }

    /** Every LoRA pair, by module path. */
    public SortedMap<String, LoraLinear> linears() {
        return new TreeMap<>(linears);
    }

    /** A tensor by name, if it trains or has trained. */
    public Optional<NDArray> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /** A tensor by name. */
    public NDArray tensor(String name) {
        return find(name).orElseThrow(() -> new IllegalArgumentException("no tensor '" + name + "' in this pass"));
    }
}
