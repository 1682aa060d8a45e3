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
 * ones, nothing for dormant ones. Each is copied there when the pass first asks for it, so that a pass which starts above
 * a frozen group does not carry it.
 *
 * <p>Not thread-safe. Arrays belong to the manager given, which the caller closes.
 */
public final class AdapterRegistry {

    private final NDManager manager;
    private final AdapterSnapshot values;
    private final Map<String, Source> sources = new HashMap<>();
    private final SortedMap<String, NDArray> tensors = new TreeMap<>();
    private final SortedMap<String, Adapted> modules = new TreeMap<>();
    private final Map<String, LoraLinear> linears = new HashMap<>();

    /** A tensor that trains or has trained. */
    private record Source(TensorSpec tensor, boolean leaf) {}

    /** A module whose group is not dormant. */
    private record Adapted(LoraModule module, LoraGroup group, boolean live) {}

    /**
     * @param training whether live tensors become leaves that gradients are kept for
     */
    public AdapterRegistry(
            NDManager manager, LoraManifest manifest, FreezeState freeze, AdapterSnapshot values, boolean training) {
        this.manager = manager;
        this.values = values;
        for (String group : manifest.names()) {
            GroupState state = freeze.of(group);
            if (state == GroupState.DORMANT) {
                continue;
            }
            boolean leaves = training && state == GroupState.LIVE;
            for (TensorSpec tensor : manifest.tensors(group)) {
                sources.put(tensor.name(), new Source(tensor, leaves));
            }
            manifest.group(group)
                    .ifPresent(g -> g.modules().forEach(m -> modules.put(m.path(), new Adapted(m, g, leaves))));
        }
    }

    /** The LoRA pair of a module, if its group is not dormant. */
    public Optional<LoraLinear> linear(String path) {
        Adapted module = modules.get(path);
        return module == null ? Optional.empty() : Optional.of(linears.computeIfAbsent(path, p -> pair(module)));
    }

    private LoraLinear pair(Adapted of) {
        LoraModule module = of.module();
        double scaling = module.scaling(of.group().settings().rankStabilized());
        return new LoraLinear(
                module.path(),
                tensor(module.loraA()),
                tensor(module.loraB()),
                Tensors.constant(manager, scaling),
                of.live(),
                of.live() ? of.group().settings().loraDropout() : 0.0);
    }

    /** Every LoRA pair, by module path. */
    public SortedMap<String, LoraLinear> linears() {
        SortedMap<String, LoraLinear> all = new TreeMap<>();
        modules.keySet().forEach(path -> all.put(path, linear(path).orElseThrow()));
        return all;
    }

    /** A tensor by name, if it trains or has trained. */
    public Optional<NDArray> find(String name) {
        Source source = sources.get(name);
        return source == null
                ? Optional.empty()
                : Optional.of(tensors.computeIfAbsent(name, n -> array(source.tensor(), source.leaf())));
    }

    private NDArray array(TensorSpec tensor, boolean leaf) {
        float[] v = values.view(tensor.name());
        if (v.length != tensor.size()) {
            throw new IllegalArgumentException("tensor '" + tensor.name() + "' has " + v.length
                    + " values, but its shape " + tensor.shape() + " asks for " + tensor.size());
        }
        List<Integer> shape = tensor.shape();
        return leaf ? Autograd.leaf(manager, v, shape) : Tensors.floats(manager, v, shape);
    }

    /**
     * A tensor by name, in the manifest's shape.
     *
     * @throws IllegalArgumentException for one that neither trains nor has trained
     */
    public NDArray tensor(String name) {
        return find(name).orElseThrow(() -> new IllegalArgumentException("no tensor '" + name + "' in this pass"));
    }
}
