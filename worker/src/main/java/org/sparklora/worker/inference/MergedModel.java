package org.sparklora.worker.inference;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Parameters;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.AdapterRegistry;
import org.sparklora.worker.lora.LoraVariant;

/**
 * A base model for prediction: adapters are merged into copies of the weights that they adapt, and the head and biases are
 * the trained ones. The other weights are the base's own arrays. Beside a weight in bfloat16 an adapter stays as it is, because
 * rounding would take most of it away.
 *
 * <p>Safe from any thread until closed. Owns the merged copies; the base is shared and never changes.
 */
final class MergedModel implements AutoCloseable {

    private final BaseModel base;
    private final TrainedModel of;
    private final NDManager manager;
    private final Map<String, NDArray> own = new HashMap<>();
    private final Map<String, LoraVariant.Layer> pairs = new HashMap<>();

    /** Index of the lowest layer that is not the base's. */
    private int lowest;

    private MergedModel(BaseModel base, TrainedModel of, NDManager manager) {
        this.base = base;
        this.of = of;
        this.manager = manager;
    }

    /** Merges a trained model into its base. */
    static MergedModel of(TrainedModel trained) {
        BaseModel base = trained.base().open(trained.head().headInput());
        MergedModel merged = new MergedModel(base, trained, Torch.newManager());
        try {
            merged.merge(new AdapterRegistry(
                    base.graph(merged.manager, false),
                    trained.adapter().manifest(),
                    trained.adapter().atRest(),
                    trained.adapter().values()));
            return merged;
        } catch (RuntimeException e) {
            merged.close();
            throw e;
        }
    }

    private void merge(AdapterRegistry adapters) {
        LoraManifest manifest = of.adapter().manifest();
        Set<String> rest = new TreeSet<>(of.adapter().values().names());
        for (LoraModule module : manifest.modules()) {
            manifest.variant().tensors(module).forEach(tensor -> rest.remove(tensor.name()));
            adapters.layer(module.path()).ifPresent(lora -> merge(module.path(), lora));
        }
        rest.forEach(name -> own.put(name, adapters.tensor(name).array()));
        Encoder encoder = base.encoder();
        lowest = Stream.concat(own.keySet().stream(), pairs.keySet().stream())
                .mapToInt(encoder::layerIndex)
                .min()
                .orElse(encoder.headIndex());
    }

    private void merge(String path, LoraVariant.Layer lora) {
        String weight = path + ".weight";
        if (base.isRounded(weight)) {
            pairs.put(path, lora);
        } else {
            try (NDManager products = manager.newSubManager()) {
                NDArray merged = lora.merged(base.weight(weight), products);
                merged.attach(manager);
                own.put(weight, merged);
            }
        }
    }

    /** The weights in one pass. */
    private record Weights(MergedModel model, Graph graph) implements Parameters {

        @Override
        public Optional<Variable> find(String name) {
            NDArray mine = model.own.get(name);
            return mine == null ? model.base.weight(graph, name) : Optional.of(graph.constant(mine));
        }

        @Override
        public Optional<LoraVariant.Layer> lora(String path) {
            return Optional.ofNullable(model.pairs.get(path));
        }
    }

    private ForwardPass pass(Tokens tokens) {
        return ForwardPass.evaluation(new Weights(this, base.graph(tokens.ids().getManager(), false)));
    }

    /** Logits of a batch, without gradients or dropout: [B, C], or [B·S, C] where the head reads every token. */
    NDArray logits(Tokens tokens) {
        ForwardPass pass = pass(tokens);
        NDArray logits = base.encoder()
                .logits(0, pass, pass.constant(tokens.ids()), tokens)
                .array();
        base.requireUnchanged();
        return logits;
    }

    /** The same logits, for which other models with the same trunk may have computed the layers below the lowest adapted one. */
    NDArray logits(Batch batch, Tokens tokens) {
        ForwardPass pass = pass(tokens);
        NDArray logits = base.encoder()
                .logits(lowest, pass, trunk(pass, batch, tokens), tokens)
                .array();
        base.requireUnchanged();
        return logits;
    }

    /** What enters the lowest adapted layer. Embeddings cost no more to compute than to keep. */
    private Variable trunk(ForwardPass pass, Batch batch, Tokens tokens) {
        if (lowest < 2) {
            return base.encoder().run(0, lowest, pass, pass.constant(tokens.ids()), tokens);
        }
        SharedTrunks.Key key = SharedTrunks.Key.of(base.identity(), lowest, batch);
        Optional<SharedTrunks.Activations> known = SharedTrunks.OF_JVM.find(key);
        if (known.isPresent()) {
            float[] values = known.get().values();
            int hidden = base.encoder().hiddenSize();
            NDArray x = Tensors.floats(tokens.ids().getManager(), values, values.length / hidden, hidden);
            return pass.constant(x).to(known.get().precision());
        }
        Variable x = base.encoder().run(0, lowest, pass, pass.constant(tokens.ids()), tokens);
        float[] values = Tensors.toFloats(x.to(Precision.FLOAT32).array());
        SharedTrunks.OF_JVM.put(key, new SharedTrunks.Activations(values, x.precision()));
        return x;
    }

    /**
     * Both results of one pass.
     *
     * @param logits [B, C]
     * @param hidden transformers' last_hidden_state: [B, H] of the first tokens, or [B·S, H]
     */
    record Outputs(NDArray logits, NDArray hidden) {}

    /** Logits of a batch as {@link #logits}, and the last hidden state of the first token or of every token. */
    Outputs outputs(Tokens tokens, boolean everyToken) {
        ForwardPass pass = pass(tokens);
        Encoder encoder = base.encoder();
        int last = encoder.layers();
        boolean firstAlone = encoder.firstTokenAlone(last);
        int from = everyToken && firstAlone ? last : last + 1;
        Variable x = encoder.run(0, from, pass, pass.constant(tokens.ids()), tokens);
        Variable hidden = from == last ? encoder.layer(last - 1, pass, x.twin(), tokens) : x.twin();
        if (!everyToken && !firstAlone) {
            hidden = hidden.traced(rows -> tokens.byRow(rows).get("0:, 0"));
        }
        hidden = encoder.lastHidden(pass, hidden);
        Variable logits = encoder.logits(from, pass, x, tokens);
        base.requireUnchanged();
        return new Outputs(logits.array(), hidden.to(Precision.FLOAT32).array());
    }

    /** Whether the base model's files are what they were. */
    boolean isCurrent() {
        return base.isCurrent();
    }

    @Override
    public void close() {
        manager.close();
    }
}
