package org.sparklora.worker.encoder;

import org.sparklora.worker.contract.DropoutRates;

/**
 * Sizes of an encoder, from the keys of its config.json. Built by name in few places, hence the many components.
 *
 * @param positions rows of the position table
 * @param types rows of the table of token types; 0 where an architecture has none
 * @param dropout of the base model itself
 */
public record EncoderSizes(
        int layers,
        int hidden,
        int heads,
        int intermediate,
        int vocabulary,
        int positions,
        int types,
        double layerNormEps,
        double initializerRange,
        DropoutRates dropout) {

    /** GELU in its erf form, the only activation that the encoders compute. */
    public static final String GELU = "gelu";

    /** Sizes by BERT's keys, which RoBERTa shares; refuses variants that would compute something else. */
    public static EncoderSizes ofBert(EncoderConfig config) {
        config.require("hidden_act", GELU);
        config.require("position_embedding_type", "absolute");
        double hiddenDropout = config.number("hidden_dropout_prob", 0.1);
        return new EncoderSizes(
                config.positive("num_hidden_layers"),
                config.positive("hidden_size"),
                config.divisor("num_attention_heads", "hidden_size"),
                config.positive("intermediate_size"),
                config.positive("vocab_size"),
                config.positive("max_position_embeddings"),
                config.positive("type_vocab_size"),
                config.number("layer_norm_eps", 1e-12),
                config.number("initializer_range", 0.02),
                new DropoutRates(
                        hiddenDropout,
                        config.number("attention_probs_dropout_prob", 0.1),
                        config.number("classifier_dropout", hiddenDropout)));
    }

    /** D. */
    public int headSize() {
        return hidden / heads;
    }
}
