package org.sparklora.worker.encoder.deberta;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
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
import org.sparklora.worker.encoder.bert.BertPooler;

/**
 * DeBERTa-v2 and -v3, {@code model_type} deberta-v2. The head applies {@code pooler.dense} and GELU to the first token, and then
 * {@code classifier}. Checkpoints of the pretrained model have no pooler; it then trains and is saved with the head.
 */
public final class DebertaEncoder {

    private static final EncoderNames NAMES = new EncoderNames("deberta.", "encoder.layer.");
    private static final String POOLER = "pooler.dense";

    private DebertaEncoder() {}

    /**
     * The encoder of a configuration; refuses variants that would compute something else.
     *
     * @param pooler whether the checkpoint has a pooler; otherwise it is a layer of the head and trains
     */
    public static Encoder of(EncoderConfig config, HeadInput headInput, boolean pooler) {
        EncoderSizes sizes = sizes(config, headInput);
        refuseOthers(config, sizes);
        RelativePosition positions =
                RelativePosition.of(config, sizes.positions().max());
        DebertaEmbeddings embeddings = new DebertaEmbeddings(sizes, NAMES, positions);
        boolean frozen = pooler && headInput == HeadInput.FIRST_TOKEN;
        EncoderParts<?> parts = new EncoderParts<>(
                embeddings,
                DebertaLayer.all(sizes, NAMES, embeddings),
                frozen ? Optional.of(new BertPooler(sizes.hidden(), POOLER, Activation.GELU)) : Optional.empty());
        Inner trained = new Inner("pooler", POOLER, Activation.GELU, false);
        HeadLayers head =
                new HeadLayers(sizes.hidden(), pooler ? Optional.empty() : Optional.of(trained), "classifier");
        return new Encoder(sizes, NAMES, parts, head, headInput);
    }

    private static EncoderSizes sizes(EncoderConfig config, HeadInput headInput) {
        int hidden = config.positive("hidden_size", 1536);
        int positions = config.positive("max_position_embeddings", 512);
        int types = config.notNegative("type_vocab_size", 0);
        double dropout = config.number("hidden_dropout_prob", 0.1);
        double head = headInput == HeadInput.EVERY_TOKEN ? dropout : config.number("cls_dropout", dropout);
        boolean table = config.text("position_biased_input").orElse("true").equals("true");
        return new EncoderSizes(
                config.positive("num_hidden_layers", 24),
                hidden,
                config.divisor("num_attention_heads", 24, "hidden_size", hidden),
                config.positive("intermediate_size", 6144),
                config.positive("vocab_size", 128100),
                table ? new Positions(positions, OptionalInt.empty()) : Positions.without(positions),
                new TokenTypes(types, types > 0),
                HiddenActivation.of(config, "hidden_act"),
                config.number("layer_norm_eps", 1e-7),
                config.number("initializer_range", 0.02),
                new DropoutRates(dropout, config.number("attention_probs_dropout_prob", 0.1), head));
    }

    /** Refuses what no checkpoint of DeBERTa-v3 has. */
    private static void refuseOthers(EncoderConfig config, EncoderSizes sizes) {
        int hidden = sizes.hidden();
        require(config, "relative_attention", false, true, "attention without relative positions");
        require(config, "share_att_key", false, true, "Linears of their own for relative positions");
        require(config, "norm_rel_ebd", "none", "layer_norm", "relative embeddings that are not normalized");
        require(config, "conv_kernel_size", 0, 0, "the convolution of deberta-v2-xlarge and -xxlarge");
        require(config, "embedding_size", hidden, hidden, "embeddings of another width");
        require(config, "attention_head_size", sizes.headSize(), sizes.headSize(), "heads of another width");
        require(config, "pooler_hidden_size", hidden, hidden, "a pooler of another width");
        require(config, "pooler_hidden_act", "gelu", "gelu", "a pooler with another activation");
        require(config, "pooler_dropout", 0, 0, "dropout before the pooler, beside the job's head_dropout,");
        List<String> types = config.texts("pos_att_type");
        if (!Set.copyOf(types).equals(Set.of("c2p", "p2c"))) {
            throw config.unsupported("pos_att_type " + types + " is not supported; c2p and p2c together are");
        }
    }

    private static void require(
            EncoderConfig config, String key, Object defaultValue, Object supported, String reason) {
        String value = config.text(key).orElse(defaultValue.toString()).replaceFirst("\\.0$", "");
        if (!value.equals(supported.toString())) {
            throw config.unsupported(
                    key + " " + value + " is not supported: " + reason + " is not implemented; " + supported + " is");
        }
    }
}
