package org.sparklora.worker.encoder.modernbert;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
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
import org.sparklora.worker.encoder.HiddenActivation;
import org.sparklora.worker.encoder.modernbert.ModernBertPooler.Pooling;

/**
 * ModernBERT: rotary positions, layers that see every token between layers that see a window, gated feed-forward networks,
 * normalization before each sublayer, no biases. A {@code head} of the checkpoint lies below {@code classifier}, in token
 * classification too.
 *
 * <p>Keys are those of transformers 4.48 to 5. What says how PyTorch computes (without padding, flash attention, compilation) is
 * not read.
 */
public final class ModernBertEncoder {

    private static final EncoderNames NAMES = new EncoderNames("model.", "layers.");
    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";

    private ModernBertEncoder() {}

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static Encoder of(EncoderConfig config, HeadInput headInput) {
        EncoderSizes sizes = sizes(config);
        List<LayerType> types = types(config, sizes.layers());
        List<ModernBertLayer> layers = IntStream.range(0, sizes.layers())
                .mapToObj(i -> new ModernBertLayer(sizes, types.get(i), NAMES.layer(i), i == 0))
                .toList();
        ModernBertPooler pooler = new ModernBertPooler(
                sizes, pooling(config, headInput), HiddenActivation.of(config, "classifier_activation"));
        EncoderParts<?> parts = new EncoderParts<>(new ModernBertEmbeddings(sizes, types), layers, Optional.of(pooler));
        return new Encoder(sizes, NAMES, parts, HeadLayers.classifier(sizes.hidden()), headInput);
    }

    private static Pooling pooling(EncoderConfig config, HeadInput headInput) {
        String key = "classifier_pooling";
        String named = config.text(key).orElse("cls");
        if (!List.of("cls", "mean").contains(named)) {
            throw config.unsupported(key + " '" + named + "' is not supported; 'cls' and 'mean' are");
        }
        if (headInput == HeadInput.EVERY_TOKEN) {
            return Pooling.NONE;
        }
        return named.equals("cls") ? Pooling.FIRST : Pooling.MEAN;
    }

    private static EncoderSizes sizes(EncoderConfig config) {
        for (String bias : List.of("norm_bias", "attention_bias", "mlp_bias", "classifier_bias")) {
            config.require(bias, "false");
        }
        // Published files have them, but transformers does not read them.
        List.of("layer_norm_eps", "position_embedding_type").forEach(config::text);
        int hidden = config.positive("hidden_size", 768);
        return new EncoderSizes(
                config.positive("num_hidden_layers", 22),
                hidden,
                config.divisor("num_attention_heads", 12, "hidden_size", hidden),
                config.positive("intermediate_size", 1152),
                config.positive("vocab_size", 50368),
                new Positions(config.positive("max_position_embeddings", 8192), OptionalInt.empty()),
                new TokenTypes(0, false),
                HiddenActivation.of(config, "hidden_activation"),
                config.number("norm_eps", 1e-5),
                // transformers starts the classifier with this deviation, whatever initializer_range is.
                1 / StrictMath.sqrt(hidden),
                new DropoutRates(
                        config.number("embedding_dropout", 0),
                        config.number("mlp_dropout", 0),
                        config.number("attention_dropout", 0),
                        config.number("classifier_dropout", 0)));
    }

    /** What each layer sees: by {@code layer_types}, or else all tokens in every n-th layer from the first on. */
    private static List<LayerType> types(EncoderConfig config, int layers) {
        LayerType full = new LayerType(theta(config, FULL, "global_rope_theta", 160_000), OptionalInt.empty());
        LayerType sliding = new LayerType(
                theta(config, SLIDING, "local_rope_theta", 10_000),
                OptionalInt.of(config.positive("local_attention", 128) / 2));
        int every = config.positive("global_attn_every_n_layers", 3);
        JsonNode given = config.node("layer_types");
        if (given.isArray() && given.size() != layers) {
            throw config.problem("layer_types names " + given.size() + " layers, but num_hidden_layers is " + layers);
        }
        return IntStream.range(0, layers)
                .mapToObj(i -> given.isArray() ? given.path(i).asText() : i % every == 0 ? FULL : SLIDING)
                .map(type -> switch (type) {
                    case FULL -> full;
                    case SLIDING -> sliding;
                    default ->
                        throw config.unsupported("layer_types names '" + type + "', which is not supported; '" + FULL
                                + "' and '" + SLIDING + "' are");
                })
                .toList();
    }

    private static double theta(EncoderConfig config, String type, String key, double defaultValue) {
        JsonNode rope = config.node("rope_parameters").path(type);
        String kind = rope.path("rope_type").asText("default");
        if (!kind.equals("default") || config.node("rope_scaling").isObject()) {
            throw config.unsupported("rotary positions that are scaled (rope_type '" + kind
                    + "' or rope_scaling) are not supported; those of rope_type 'default' are");
        }
        return rope.path("rope_theta").asDouble(config.number(key, defaultValue));
    }
}
