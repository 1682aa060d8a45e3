package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Parameters;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.AdapterRegistry;

/**
 * A base model with the adapters of one moment, for one pass of one thread: the base's weights, overlaid with the
 * tensors that train, and each Linear with its LoRA pair.
 *
 * <p>Arrays belong to the manager given, which the caller closes.
 */
public final class AdaptedModel implements Parameters {

    private final BaseModel base;
    private final TaskHead head;
    private final AdapterRegistry adapters;

    /**
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
        this.base = base;
        this.head = head;
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
        NDArray y = Ops.linear(x, get(path + ".weight"), get(path + ".bias"));
        return adapters.linear(path).map(lora -> lora.addTo(y, x, dropout)).orElse(y);
    }

    /** The LoRA pairs and trained tensors of this pass. */
    public AdapterRegistry adapters() {
        return adapters;
    }

    /**
     * Stages {@code from} (inclusive) to {@code to} (exclusive) of the encoder; stage 0 takes no input. The last layer and
     * the pooler result in [B, H], the stages below in [B·S, H].
     */
    NDArray stages(int from, int to, ForwardPass pass, NDArray input, Tokens tokens) {
        Encoder encoder = base.encoder();
        NDArray x = input;
        for (int stage = from; stage < to; stage++) {
            if (stage == 0) {
                x = encoder.embed(pass, tokens);
            } else if (stage < encoder.layers()) {
                x = encoder.layer(stage - 1, pass, x, tokens);
            } else if (stage == encoder.layers()) {
                x = encoder.firstTokens(stage - 1, pass, x, tokens);
            } else {
                x = encoder.pool(pass, x);
            }
        }
        return x;
    }

    /** Number of stages: embeddings, layers, pooler. */
    int stageCount() {
        return base.encoder().layers() + 2;
    }

    TaskHead head() {
        return head;
    }

    /** Logits [B, C] of a batch, without gradients or dropout. */
    public NDArray logits(Tokens tokens) {
        ForwardPass pass = ForwardPass.evaluation(this);
        return head.logits(pass, stages(0, stageCount(), pass, tokens.ids(), tokens));
    }
}
