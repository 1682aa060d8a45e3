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
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Parameters;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
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
        this.adapters = new AdapterRegistry(manager, plan.manifest(), plan.state(), values, training);
    }

    @Override
    public NDArray get(String name) {
        return adapters.find(name).orElseGet(() -> base.weight(name));
    }

    @Override
    public NDArray linear(String path, NDArray x, KeyedDropout dropout) {
        NDArray weight = get(path + ".weight");
        NDArray bias = get(path + ".bias");
        Optional<LoraVariant.Layer> lora = lora(path);
        return lora.isPresent() ? lora.get().forward(x, weight, bias, dropout) : Ops.linear(x, weight, bias);
    }

    @Override
    public Optional<LoraVariant.Layer> lora(String path) {
        return adapters.layer(path);
    }

    /** The LoRA pairs and trained tensors of this pass. */
    public AdapterRegistry adapters() {
        return adapters;
    }

    /**
     * Runs the layers from index {@code from} (inclusive) to {@code to} (exclusive); index 0, the embeddings, ignores its
     * input. For heads that read the first token, the last layer and the pooler return [B, H]; everything else returns
     * [B·S, H].
     */
    NDArray layers(int from, int to, ForwardPass pass, NDArray input, Tokens tokens) {
        return layers(base.encoder(), from, to, pass, input, tokens);
    }

    private static NDArray layers(Encoder encoder, int from, int to, ForwardPass pass, NDArray input, Tokens tokens) {
        NDArray x = input;
        for (int index = from; index < to; index++) {
            if (index == 0) {
                x = encoder.embed(pass, tokens);
            } else if (index > encoder.layers()) {
                x = encoder.pool(pass, x);
            } else if (encoder.firstTokenAlone(index)) {
                x = encoder.firstTokens(index - 1, pass, x, tokens);
            } else {
                x = encoder.layer(index - 1, pass, x, tokens);
            }
        }
        return x;
    }

    /** Logits [B, C] of a batch, or [B·S, C] if the head reads every token, without gradients or dropout. */
    public NDArray logits(Tokens tokens) {
        return logits(0, tokens.ids(), tokens);
    }

    /**
     * Logits [B, C], or [B·S, C] if the head reads every token, of an encoder with any parameters.
     *
     * @param pass determines the dropout
     */
    public static NDArray logits(Encoder encoder, ForwardPass pass, Tokens tokens) {
        return encoder.head().logits(pass, layers(encoder, 0, encoder.stages(), pass, tokens.ids(), tokens));
    }

    /**
     * Logits [B, C], or [B·S, C], of a batch whose trunk activations may be cached, without gradients or dropout.
     *
     * @throws IllegalStateException if the plan's cache is on and the batch has no activations, or those of another plan
     */
    public NDArray logits(Batch batch, Tokens tokens, CachePlan cache) {
        return logits(cache.layerIndex(), trunkActivations(cache.layerIndex(), batch, tokens, cache), tokens);
    }

    private NDArray logits(int from, NDArray x, Tokens tokens) {
        ForwardPass pass = ForwardPass.evaluation(this);
        NDArray hidden = layers(from, base.encoder().stages(), pass, x, tokens);
        return base.encoder().head().logits(pass, hidden);
    }

    /** The input of a layer: read from the cache, or computed without gradients or dropout. */
    NDArray trunkActivations(int layerIndex, Batch batch, Tokens tokens, CachePlan cache) {
        if (!cache.isOn()) {
            return layers(0, layerIndex, ForwardPass.evaluation(this), tokens.ids(), tokens);
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
        return Tensors.floats(
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
                hidden);
    }
}
