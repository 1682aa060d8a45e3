package org.sparklora.worker.encoder.bert;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.encoder.EmbeddingLookups;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.LayerPaths;
import org.sparklora.worker.encoder.PostNormEncoder;
import org.sparklora.worker.encoder.Tokens;

/** BERT: positions from 0, token types, a tanh pooler on the first token, and {@code classifier} above that. */
public final class BertEncoder extends PostNormEncoder {

    private static final EncoderNames NAMES = new EncoderNames(
            "bert.", "encoder.layer.", LayerPaths::ofBert, Optional.of("bert.pooler.dense"), List.of("classifier."));

    private BertEncoder(EncoderSizes sizes, HeadInput headInput) {
        super(sizes, NAMES, headInput);
    }

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static BertEncoder of(EncoderConfig config, HeadInput headInput) {
        return new BertEncoder(EncoderSizes.ofBert(config), headInput);
    }

    /** The same for heads that read the first token. */
    public static BertEncoder of(EncoderConfig config) {
        return of(config, HeadInput.FIRST_TOKEN);
    }

    @Override
    protected HeadLayers sequenceHead() {
        return HeadLayers.classifier(hiddenSize());
    }

    @Override
    protected NDArray positions(Tokens tokens) {
        return tokens.positions();
    }

    @Override
    protected Optional<NDArray> types(Tokens tokens) {
        return Optional.of(tokens.typeIds());
    }

    @Override
    protected EmbeddingLookups lookups() {
        return new EmbeddingLookups(
                EmbeddingLookups.FROM_ZERO, Optional.of("torch.embedding(TYPES, token_type_ids)"), true);
    }
}
