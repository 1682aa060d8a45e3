package org.sparklora.worker.encoder.distilbert;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.encoder.EmbeddingLookups;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.HeadLayers.Inner;
import org.sparklora.worker.encoder.LayerPaths;
import org.sparklora.worker.encoder.LayerPaths.Projections;
import org.sparklora.worker.encoder.LayerPaths.Sublayer;
import org.sparklora.worker.encoder.PostNormEncoder;
import org.sparklora.worker.encoder.Tokens;

/**
 * DistilBERT: positions from 0, no token types, no pooler, no dropout between attention and its residual; {@code
 * pre_classifier}, ReLU and {@code classifier} on the first token.
 */
public final class DistilBertEncoder extends PostNormEncoder {

    private static final EncoderNames NAMES = new EncoderNames(
            "distilbert.",
            "transformer.layer.",
            DistilBertEncoder::layerNames,
            Optional.empty(),
            List.of("classifier.", "pre_classifier."));

    private DistilBertEncoder(EncoderSizes sizes, HeadInput headInput) {
        super(sizes, NAMES, headInput);
    }

    /**
     * The encoder of a configuration; refuses variants that would compute something else. {@code sinusoidal_pos_embds}
     * says what the position table was filled with; a checkpoint holds the table either way.
     */
    public static DistilBertEncoder of(EncoderConfig config, HeadInput headInput) {
        config.require("activation", EncoderSizes.GELU);
        config.require("position_embedding_type", "absolute");
        double dropout = config.number("dropout", 0.1);
        double head = headInput == HeadInput.EVERY_TOKEN ? dropout : config.number("seq_classif_dropout", 0.2);
        EncoderSizes sizes = new EncoderSizes(
                config.positive("n_layers"),
                config.positive("dim"),
                config.divisor("n_heads", "dim"),
                config.positive("hidden_dim"),
                config.positive("vocab_size"),
                config.positive("max_position_embeddings"),
                0,
                1e-12,
                config.number("initializer_range", 0.02),
                new DropoutRates(dropout, config.number("attention_dropout", 0.1), head));
        return new DistilBertEncoder(sizes, headInput);
    }

    private static LayerPaths layerNames(String prefix) {
        String attention = prefix + "attention.";
        return new LayerPaths(
                attention + "dropout",
                new Projections(attention + "q_lin", attention + "k_lin", attention + "v_lin"),
                new Sublayer(attention + "out_lin", Optional.empty(), prefix + "sa_layer_norm"),
                prefix + "ffn.lin1",
                new Sublayer(prefix + "ffn.lin2", Optional.of(prefix + "ffn.dropout"), prefix + "output_layer_norm"));
    }

    @Override
    protected HeadLayers sequenceHead() {
        Inner dense = new Inner("pre_classifier", Activation.RELU, false);
        return new HeadLayers(hiddenSize(), Optional.of(dense), "classifier");
    }

    @Override
    protected NDArray positions(Tokens tokens) {
        return tokens.positions();
    }

    @Override
    protected Optional<NDArray> types(Tokens tokens) {
        return Optional.empty();
    }

    @Override
    protected EmbeddingLookups lookups() {
        return new EmbeddingLookups(EmbeddingLookups.FROM_ZERO, Optional.empty(), false);
    }
}
