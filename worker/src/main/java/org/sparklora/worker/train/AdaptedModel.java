package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Optional;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
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
 * A base model with the adapters of one moment, for one pass of one thread: the base's weights, overlaid with the
 * tensors that train, and each Linear with its LoRA pair.
 *
 * <p>Arrays belong to the manager given, which the caller closes.
 */
public final class AdaptedModel implements Parameters {

    private final BaseModel base;
    private final AdapterRegistry adapters;

    /**
     * @param head reads of the last layer what the base was opened for
     * @param values every tensor that is not dormant
     * @param training whether live tensors become leaves
     */
    public AdaptedModel(
            NDManager manager,
            BaseModel base,
            TaskHead head,
            GroupView groups,
            AdapterSnapshot values,
            boolean training) {
        if (head.headInput() != base.encoder().headInput()) {
            throw new IllegalArgumentException("the head reads " + head.headInput()
                    + ", but the base model was opened for " + base.encoder().headInput());
        }
        this.base = base;
        this.adapters = new AdapterRegistry(manager, groups.manifest(), groups.freeze(), values, training);
    }

    /** Which groups there are and what state each is in. */
    public record GroupView(LoraManifest manifest, FreezeState freeze) {}

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
     * Stages {@code from} (inclusive) to {@code to} (exclusive) of the encoder; stage 0 takes no input. Where heads read
     * the first token, the last layer and the pooler result in [B, H]; everything else in [B·S, H].
     */
    NDArray stages(int from, int to, ForwardPass pass, NDArray input, Tokens tokens) {
        return stages(base.encoder(), from, to, pass, input, tokens);
    }

    private static NDArray stages(Encoder encoder, int from, int to, ForwardPass pass, NDArray input, Tokens tokens) {
        NDArray x = input;
        for (int stage = from; stage < to; stage++) {
            if (stage == 0) {
                x = encoder.embed(pass, tokens);
            } else if (stage > encoder.layers()) {
                x = encoder.pool(pass, x);
            } else if (encoder.firstTokenAlone(stage)) {
                x = encoder.firstTokens(stage - 1, pass, x, tokens);
            } else {
                x = encoder.layer(stage - 1, pass, x, tokens);
            }
        }
        return x;
    }

    /** Logits [B, C] of a batch, or [B·S, C] where the head reads every token, without gradients or dropout. */
    public NDArray logits(Tokens tokens) {
        return logits(0, tokens.ids(), tokens);
    }

    /**
     * Logits [B, C], or [B·S, C] where the head reads every token, of an encoder with any parameters; {@code pass} says
     * what drops out.
     */
    public static NDArray logits(Encoder encoder, ForwardPass pass, Tokens tokens) {
        return encoder.head().logits(pass, stages(encoder, 0, encoder.stages(), pass, tokens.ids(), tokens));
    }

    /**
     * Logits [B, C], or [B·S, C], of a batch whose frozen prefix may be kept, without gradients or dropout.
     *
     * @throws IllegalStateException where the plan keeps a prefix and the batch brings none, or another one
     */
    public NDArray logits(Batch batch, Tokens tokens, CachePlan cache) {
        return logits(cache.stage(), entering(cache.stage(), batch, tokens, cache), tokens);
    }

    private NDArray logits(int from, NDArray x, Tokens tokens) {
        ForwardPass pass = ForwardPass.evaluation(this);
        NDArray read = stages(from, base.encoder().stages(), pass, x, tokens);
        return base.encoder().head().logits(pass, read);
    }

    /** What enters a stage: computed without gradients or dropout, or what was kept of an earlier pass. */
    NDArray entering(int stage, Batch batch, Tokens tokens, CachePlan cache) {
        if (!cache.isOn()) {
            return stages(0, stage, ForwardPass.evaluation(this), tokens.ids(), tokens);
        }
        TrunkActivations kept = batch.entering()
                .orElseThrow(() -> new IllegalStateException(
                        "the plan keeps what enters stage " + cache.stage() + ", but the batch comes without it"));
        if (stage != cache.stage() || !kept.digest().equals(cache.digest())) {
            throw new IllegalStateException("stage " + stage + " asks for what was kept as " + cache.digest()
                    + ", but the batch brings " + kept.digest() + ": it belongs to other weights or adapters");
        }
        int vectors = base.encoder().firstTokenEnters(stage) ? 1 : tokens.length();
        int hidden = base.encoder().hiddenSize();
        return Tensors.floats(
                tokens.ids().getManager(),
                Math.multiplyExact(tokens.batch() * vectors, hidden),
                target -> {
                    for (int row = 0; row < tokens.batch(); row++) {
                        kept.copy(row, target);
                        // Padding is read by masked scores only, which take nothing of it; what a buffer held before
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
