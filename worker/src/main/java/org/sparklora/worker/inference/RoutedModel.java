package org.sparklora.worker.inference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Parameters;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariant.PairAtRest;
import org.sparklora.worker.lora.RoutedPairs;

/**
 * A base model that computes batches whose rows belong to different adapters. Below the lowest adapted layer the batch is that of
 * the base alone. Above it each adapted Linear multiplies its frozen weight once with all rows and adds what each row's own pair
 * gives ({@link RoutedPairs}). Heads compute the rows of their adapter.
 *
 * <p>The logits of a row are those of {@link MergedModel} but for rounding, because W x + B A x is not rounded as (W + B A) x is.
 * Other rows of the batch may change the last bits, as they do there.
 *
 * <p>Safe from any thread. Owns nothing; adapters are copied into the engine for each batch.
 */
final class RoutedModel {

    private final BaseModel base;

    private RoutedModel(BaseModel base) {
        this.base = base;
    }

    /** The base of models whose heads read the same output. */
    static RoutedModel of(TrainedModel.Base base, HeadInput headInput) {
        return new RoutedModel(base.open(headInput));
    }

    /**
     * Whether the adapter of a model can be one of several in a batch: it consists of plain pairs beside Linears that multiply each
     * row alone, and of a head that reads one vector of a sequence. Any other has a {@link MergedModel} of its own.
     */
    boolean routes(TrainedModel model) {
        if (model.head().headInput() != HeadInput.FIRST_TOKEN) {
            return false;
        }
        AdapterSnapshot values = model.adapter().values();
        LoraManifest manifest = model.adapter().manifest();
        LoraVariant variant = LoraVariant.of(manifest);
        Encoder encoder = base.encoder();
        Set<String> rest = new HashSet<>(values.names());
        manifest.head().forEach(tensor -> rest.remove(tensor.name()));
        for (LoraGroup group : manifest.groups()) {
            for (LoraModule module : group.modules()) {
                List<TensorSpec> tensors = variant.tensors(module);
                if (!values.contains(tensors.get(0).name())) {
                    continue;
                }
                tensors.forEach(tensor -> rest.remove(tensor.name()));
                if (!encoder.isByRow(module.path())
                        || variant.atRest(module, group.settings(), values).isEmpty()) {
                    return false;
                }
            }
        }
        return rest.isEmpty()
                && manifest.head().stream().allMatch(t -> encoder.layerIndex(t.name()) == encoder.headIndex());
    }

    /**
     * Logits of a batch, without gradients or dropout: [C of its model] for each row.
     *
     * @param models of the B rows, which this model {@linkplain #routes routes}; rows of one model follow each other
     */
    List<float[]> logits(Tokens tokens, List<TrainedModel> models) {
        Graph graph = base.graph(tokens.ids().getManager(), false);
        Encoder encoder = base.encoder();
        ForwardPass pass = ForwardPass.evaluation(new Routed(base, graph, models));
        Variable x = encoder.run(0, encoder.headIndex(), pass, pass.constant(tokens.ids()), tokens);
        List<float[]> logits = new ArrayList<>(models.size());
        for (int from = 0, to; from < models.size(); from = to) {
            TrainedModel model = models.get(from);
            to = from + 1;
            while (to < models.size() && sha256(models.get(to)).equals(sha256(model))) {
                to++;
            }
            String rows = from + ":" + to;
            float[] all = Tensors.toFloats(encoder.head()
                    .logits(
                            ForwardPass.evaluation(new OwnHead(base, graph, model)),
                            x.traced(vectors -> vectors.get(rows)))
                    .array());
            int outputs = all.length / (to - from);
            for (int row = 0; row < to - from; row++) {
                logits.add(Arrays.copyOfRange(all, row * outputs, (row + 1) * outputs));
            }
        }
        base.requireUnchanged();
        return logits;
    }

    private static String sha256(TrainedModel model) {
        return model.adapter().sha256();
    }

    /** The base's weights, with the pairs of each row beside them. */
    private static final class Routed implements Parameters {

        private final BaseModel base;
        private final Graph graph;
        private final Map<String, LoraModule> modules = new HashMap<>();
        private final List<Map<String, PairAtRest>> pairs = new ArrayList<>();
        private final Map<String, LoraVariant.Layer> layers = new HashMap<>();

        Routed(BaseModel base, Graph graph, List<TrainedModel> models) {
            this.base = base;
            this.graph = graph;
            Map<String, Map<String, PairAtRest>> known = new HashMap<>();
            models.forEach(model -> pairs.add(known.computeIfAbsent(sha256(model), sha256 -> pairs(model))));
        }

        private Map<String, PairAtRest> pairs(TrainedModel model) {
            LoraManifest manifest = model.adapter().manifest();
            LoraVariant variant = LoraVariant.of(manifest);
            AdapterSnapshot values = model.adapter().values();
            Map<String, PairAtRest> own = new HashMap<>();
            for (LoraGroup group : manifest.groups()) {
                for (LoraModule module : group.modules()) {
                    if (values.contains(variant.tensors(module).get(0).name())) {
                        modules.putIfAbsent(module.path(), module);
                        variant.atRest(module, group.settings(), values)
                                .ifPresent(pair -> own.put(module.path(), pair));
                    }
                }
            }
            return own;
        }

        @Override
        public Optional<Variable> find(String name) {
            return base.weight(graph, name);
        }

        @Override
        public Graph graph() {
            return graph;
        }

        @Override
        public Optional<LoraVariant.Layer> lora(String path) {
            LoraModule module = modules.get(path);
            return module == null
                    ? Optional.empty()
                    : Optional.of(layers.computeIfAbsent(
                            path,
                            p -> RoutedPairs.of(
                                    graph,
                                    module,
                                    pairs.stream()
                                            .map(own -> Optional.ofNullable(own.get(p)))
                                            .toList())));
        }
    }

    /** The head of one model, over the base's weights. */
    private record OwnHead(BaseModel base, Graph graph, TrainedModel model) implements Parameters {

        @Override
        public Optional<Variable> find(String name) {
            AdapterSnapshot values = model.adapter().values();
            Optional<TensorSpec> own = model.adapter().manifest().head().stream()
                    .filter(tensor -> tensor.name().equals(name) && values.contains(name))
                    .findFirst();
            return own.isPresent()
                    ? own.map(tensor ->
                            graph.constant(Tensors.floats(graph.manager(), values.view(name), tensor.shape())))
                    : base.weight(graph, name);
        }

        @Override
        public Optional<LoraVariant.Layer> lora(String path) {
            return Optional.empty();
        }
    }
}
