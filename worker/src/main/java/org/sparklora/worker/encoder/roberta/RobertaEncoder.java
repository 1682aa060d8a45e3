package org.sparklora.worker.encoder.roberta;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.encoder.EmbeddingLookups;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.HeadLayers.Inner;
import org.sparklora.worker.encoder.LayerPaths;
import org.sparklora.worker.encoder.PostNormEncoder;
import org.sparklora.worker.encoder.Tokens;

/**
 * RoBERTa and XLM-RoBERTa: positions from {@code pad_token_id} + 1 on, one token type, no pooler; {@code classifier.dense},
 * tanh and {@code classifier.out_proj} on the first token.
 */
public final class RobertaEncoder extends PostNormEncoder {

    private static final EncoderNames NAMES = new EncoderNames(
            "roberta.", "encoder.layer.", LayerPaths::ofBert, Optional.empty(), List.of("classifier."));

    private final int padTokenId;

    private RobertaEncoder(EncoderSizes sizes, int padTokenId, HeadInput headInput) {
        super(sizes, NAMES, headInput);
        this.padTokenId = padTokenId;
    }

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static RobertaEncoder of(EncoderConfig config, HeadInput headInput) {
        EncoderSizes sizes = EncoderSizes.ofBert(config);
        int pad = config.notNegative("pad_token_id", 1);
        if (pad + 1 >= sizes.positions()) {
            throw config.problem("max_position_embeddings " + sizes.positions()
                    + " leaves no position above pad_token_id " + pad + ", where RoBERTa begins to count");
        }
        return new RobertaEncoder(sizes, pad, headInput);
    }

    /** Those above {@code pad_token_id}: 512 of a table of 514. */
    @Override
    public int maxPositions() {
        return sizes().positions() - padTokenId - 1;
    }

    @Override
    protected HeadLayers sequenceHead() {
        Inner dense = new Inner("classifier.dense", Activation.TANH, true);
        return new HeadLayers(hiddenSize(), Optional.of(dense), "classifier.out_proj");
    }

    @Override
    protected NDArray positions(Tokens tokens) {
        return tokens.positionsAfter(padTokenId);
    }

    /** Always 0, also for a second text: RoBERTa's tokenizers hand no types to the model. */
    @Override
    protected Optional<NDArray> types(Tokens tokens) {
        return Optional.of(tokens.zeros());
    }

    @Override
    protected EmbeddingLookups lookups() {
        // 4 is int64. What is padding has the position pad_token_id, everything else counts on from there.
        String there = "torch.to(torch.ne(input_ids, " + padTokenId + "), 4)";
        String places = "torch.add(torch.mul(torch.cumsum(" + there + ", 1), " + there + "), " + padTokenId + ")";
        return new EmbeddingLookups(
                "torch.embedding(PLACES, " + places + ")", Optional.of("torch.select(TYPES, 0, 0)"), false);
    }
}
