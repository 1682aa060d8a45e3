package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Optional;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.TrunkActivations;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Parameters;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.AdapterRegistry;
import org.sparklora.worker.lora.LoraVariant;

/**
 * A base model with an adapter, for one pass of one thread: the weights of the base, replaced by trained tensors where
 * there are some, and a LoRA pair beside each adapted Linear.
 *
 * <p>Arrays belong to the manager given, which the caller closes.
 */
public final class AdaptedModel implements Parameters {

    private final BaseModel base;
    private final Graph graph;
    private final AdapterRegistry adapters;

    /**
     * Creates the model of one pass.
     *
     * @param head must read the output that the base model was opened for
     * @param values of every tensor whose group is not dormant
     * @param training whether trainable tensors become leaves of autograd
     */
    public AdaptedModel(
            NDManager manager,
            BaseModel base,
            TaskHead head,
            FreezePlan plan,
            AdapterSnapshot values,
            boolean training) {
        if (head.headInput() != base.encoder().headInput()) {
            throw new IllegalArgumentException("the head reads " + head.headInput()
                    + ", but the base model was opened for " + base.encoder().headInput());
        }
        this.base = base;
        this.graph = base.graph(manager, training);
        this.adapters = new AdapterRegistry(graph, plan.manifest(), plan.state(), values);
    }

    @Override
    public Graph graph() {
        return graph;
    }

    @Override
    public Optional<Variable> find(String name) {
        return adapters.find(name)
                .or(() -> adapters.residual(name).map(residual -> base.residual(graph, name, residual)))
                .or(() -> base.weight(graph, name));
    }

    @Override
    public Optional<LoraVariant.Layer> lora(String path) {
        return adapters.layer(path);
    }

    /** The LoRA pairs and trained tensors of this pass. */
    public AdapterRegistry adapters() {
        return adapters;
    }

    /** Logits [B, C] of a batch, or [B·S, C] if the head reads every token, without gradients or dropout. */
    public NDArray logits(Tokens tokens) {
        ForwardPass pass = ForwardPass.evaluation(this);
        return base.encoder().logits(0, pass, trunk(0, tokens), tokens).array();
    }

    /**
     * Logits [B, C], or [B·S, C], of a batch whose trunk activations may be cached, without gradients or dropout.
     *
     * @throws IllegalStateException if the plan's cache is on and the batch has no activations, or those of another plan
     */
    public NDArray logits(Batch batch, Tokens tokens, CachePlan cache) {
        Variable x = trunkActivations(cache.layerIndex(), batch, tokens, cache);
        return base.encoder()
                .logits(cache.layerIndex(), ForwardPass.evaluation(this), x, tokens)
                .array();
    }

    /** The input of a layer, without gradients or dropout; that of the embeddings is never read. */
    Variable trunk(int layerIndex, Tokens tokens) {
        return base.encoder().run(0, layerIndex, ForwardPass.evaluation(this), graph.constant(tokens.ids()), tokens);
    }

    /** The input of a layer: read from the cache, or computed without gradients or dropout. */
    Variable trunkActivations(int layerIndex, Batch batch, Tokens tokens, CachePlan cache) {
        if (!cache.isOn()) {
            return trunk(layerIndex, tokens);
        }
        TrunkActivations cached = batch.trunk()
                .orElseThrow(() -> new IllegalStateException("the plan caches the input of layer index "
                        + cache.layerIndex() + ", but the batch has no activations"));
        if (layerIndex != cache.layerIndex() || !cached.digest().equals(cache.digest())) {
            throw new IllegalStateException("layer index " + layerIndex + " needs the activations " + cache.digest()
                    + ", but the batch has " + cached.digest() + ", those of other weights or adapters");
        }
        int vectors = base.encoder().firstTokenEnters(layerIndex) ? 1 : tokens.length();
        int hidden = base.encoder().hiddenSize();
        return graph.constant(Tensors.floats(
                tokens.ids().getManager(),
                Math.multiplyExact(tokens.batch() * vectors, hidden),
                target -> {
                    for (int row = 0; row < tokens.batch(); row++) {
                        cached.copy(row, target);
                        // Only masked scores read padding and take nothing from it; but what the buffer held before
                        // might be NaN.
                        int end = (row + 1) * vectors * hidden;
                        while (target.position() < end) {
                            target.put(0f);
                        }
                    }
                },
                (long) tokens.batch() * vectors,
                hidden));
    }
}
