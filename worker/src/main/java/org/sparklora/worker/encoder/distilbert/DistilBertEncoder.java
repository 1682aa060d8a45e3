package org.sparklora.worker.encoder.distilbert;

import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderParts;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.EncoderSizes.Positions;
import org.sparklora.worker.encoder.EncoderSizes.TokenTypes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.HeadLayers.Inner;
import org.sparklora.worker.encoder.HiddenActivation;
import org.sparklora.worker.encoder.bert.BertEmbeddings;
import org.sparklora.worker.encoder.bert.BertLayer;
import org.sparklora.worker.encoder.bert.LayerPaths;
import org.sparklora.worker.encoder.bert.LayerPaths.Projections;
import org.sparklora.worker.encoder.bert.LayerPaths.Sublayer;

/**
 * DistilBERT: positions start at 0; there are no token types, no pooler, and no dropout between attention and its residual. The
 * head applies {@code pre_classifier}, ReLU and {@code classifier} to the first token.
 */
public final class DistilBertEncoder {

    private static final EncoderNames NAMES = new EncoderNames("distilbert.", "transformer.layer.");

    private DistilBertEncoder() {}

    /**
     * The encoder of a configuration; refuses variants that would compute something else. {@code sinusoidal_pos_embds} only
     * says how the position table was initialized: a checkpoint always holds the table.
     */
    public static Encoder of(EncoderConfig config, HeadInput headInput) {
        HiddenActivation activation = HiddenActivation.of(config, "activation");
        config.require("position_embedding_type", "absolute");
        double dropout = config.number("dropout", 0.1);
        double head = headInput == HeadInput.EVERY_TOKEN ? dropout : config.number("seq_classif_dropout", 0.2);
        int hidden = config.positive("dim", 768);
        EncoderSizes sizes = new EncoderSizes(
                config.positive("n_layers", 6),
                hidden,
                config.divisor("n_heads", 12, "dim", hidden),
                config.positive("hidden_dim", 3072),
                config.positive("vocab_size", 30522),
                new Positions(config.positive("max_position_embeddings", 512), OptionalInt.empty()),
                new TokenTypes(0, false),
                activation,
                1e-12,
                config.number("initializer_range", 0.02),
                new DropoutRates(dropout, config.number("attention_dropout", 0.1), head));
        Inner dense = new Inner("pre_classifier", "pre_classifier", Activation.RELU, false);
        EncoderParts<?> parts = new EncoderParts<>(
                new BertEmbeddings(sizes, NAMES),
                BertLayer.all(sizes, NAMES, DistilBertEncoder::layerNames),
                Optional.empty());
        HeadLayers layers = new HeadLayers(sizes.hidden(), Optional.of(dense), "classifier");
        return new Encoder(sizes, NAMES, parts, layers, headInput);
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
}
