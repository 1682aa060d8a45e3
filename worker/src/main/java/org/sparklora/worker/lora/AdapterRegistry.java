package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;

/**
 * The adapter's tensors in the engine's memory for one forward pass: leaves for trainable groups, plain arrays for frozen
 * ones, nothing for uninitialized ones. Each tensor is copied when the pass first asks for it, so a pass that starts above
 * a frozen group never copies that group.
 *
 * <p>Not thread-safe. Arrays belong to the manager given, which the caller closes.
 */
public final class AdapterRegistry {

    private static final String WEIGHT = ".weight";

    private final Graph graph;
    private final LoraVariant variant;
    private final AdapterSnapshot values;
    private final Map<String, Source> sources = new HashMap<>();
    private final SortedMap<String, Variable> tensors = new TreeMap<>();
    private final SortedMap<String, Adapted> modules = new TreeMap<>();
    private final Map<String, LoraVariant.Layer> layers = new HashMap<>();

    /** A tensor of a group that is initialized. */
    private record Source(TensorSpec tensor, boolean leaf) {}

    /** A module of a group that is initialized. */
    private record Adapted(LoraModule module, GroupSettings settings, boolean trains) {}

    /** Tensors of trainable groups become leaves of the graph, which have gradients if it records. */
    public AdapterRegistry(Graph graph, LoraManifest manifest, FreezeState freeze, AdapterSnapshot values) {
        this.graph = graph;
        this.variant = LoraVariant.of(manifest);
        this.values = values;
        for (String group : manifest.names()) {
            GroupState state = freeze.of(group);
            if (state == GroupState.DORMANT) {
                continue;
            }
            boolean trains = graph.isRecording() && state == GroupState.LIVE;
            for (TensorSpec tensor : manifest.tensors(group)) {
                sources.put(tensor.name(), new Source(tensor, trains));
            }
            manifest.group(group)
                    .ifPresent(g ->
                            g.modules().forEach(m -> modules.put(m.path(), new Adapted(m, g.settings(), trains))));
        }
    }

    /** The LoRA layer of a module, if its group is initialized. */
    public Optional<LoraVariant.Layer> layer(String path) {
        Adapted adapted = modules.get(path);
        return adapted == null
                ? Optional.empty()
                : Optional.of(layers.computeIfAbsent(
                        path, p -> variant.layer(adapted.module(), adapted.settings(), adapted.trains(), this)));
    }

    /** What replaces the base's weight of this name, if anything does. */
    public Optional<Residual> residual(String weight) {
        Adapted adapted =
                weight.endsWith(WEIGHT) ? modules.get(weight.substring(0, weight.length() - WEIGHT.length())) : null;
        return adapted == null ? Optional.empty() : variant.residual(adapted.module(), adapted.settings(), values);
    }

    /** Every LoRA layer, by module path. */
    public SortedMap<String, LoraVariant.Layer> layers() {
        SortedMap<String, LoraVariant.Layer> all = new TreeMap<>();
        modules.keySet().forEach(path -> all.put(path, layer(path).orElseThrow()));
        return all;
    }

    /** A tensor by name, if its group is initialized. */
    public Optional<Variable> find(String name) {
        Source source = sources.get(name);
        return source == null
                ? Optional.empty()
                : Optional.of(tensors.computeIfAbsent(name, n -> array(source.tensor(), source.leaf())));
    }

    private Variable array(TensorSpec tensor, boolean leaf) {
        float[] v = values.view(tensor.name());
        if (v.length != tensor.size()) {
            throw new IllegalArgumentException("tensor '" + tensor.name() + "' has " + v.length
                    + " values, but its shape " + tensor.shape() + " needs " + tensor.size());
        }
        return leaf
                ? graph.leaf(v, tensor.shape())
                : graph.constant(Tensors.floats(graph.manager(), v, tensor.shape()));
    }

    /**
     * A tensor by name, in the manifest's shape.
     *
     * @throws IllegalArgumentException if its group is not initialized
     */
    public Variable tensor(String name) {
        return find(name).orElseThrow(() -> new IllegalArgumentException("no tensor '" + name + "' in this pass"));
    }

    /** A [1] constant that lives as long as the pass. */
    NDArray constant(double value) {
        return Tensors.constant(graph.manager(), value);
    }
}
