package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDManager;
import java.util.List;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Variable;

/**
 * Layer index 0: the embeddings, and what all layers of a batch share. Tables that every layer reads are weights of the
 * embeddings, so that one that trains has no frozen trunk.
 *
 * @param <C> what all layers of a batch share: for BERT the tokens, for others also relative positions
 */
public interface Embeddings<C> extends EncoderPart {

    /** Paths of the tables whose rows are looked up by id, which LoRA can adapt: [rows, width]. That of words is the first. */
    List<TensorSpec> tables();

    /** The name of the table of words. */
    default String words() {
        return tables().get(0).name() + ".weight";
    }

    /** Embeddings of a batch: [B·S, H], owned by the manager of the tokens. */
    Variable embed(ForwardPass pass, Tokens tokens);

    /**
     * What the layers share, computed once for the layers that a pass runs.
     *
     * @param manager owns the arrays; it is closed after the last layer
     */
    C shared(ForwardPass pass, Tokens tokens, NDManager manager);

    /**
     * TorchScript: statements of {@code forward} that set {@code x0} [B, S, H], {@code mask}, and whatever else the layers read,
     * from {@code input_ids}, {@code attention_mask} and {@code token_type_ids}, all [B, S] int64.
     */
    String script();
}
