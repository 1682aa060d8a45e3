package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.contract.DropoutRates;

/**
 * Sizes of an encoder, from the keys of its config.json. Built by name in few places, hence the many components.
 *
 * @param dropout of the base model itself
 */
public record EncoderSizes(
        int layers,
        int hidden,
        int heads,
        int intermediate,
        int vocabulary,
        Positions positions,
        TokenTypes types,
        double layerNormEps,
        double initializerRange,
        DropoutRates dropout) {

    /** GELU in its erf form, the only activation that the encoders compute. */
    public static final String GELU = "gelu";

    /**
     * The table of positions.
     *
     * @param rows number of rows
     * @param padTokenId if present, positions count as in RoBERTa: from this token id + 1 on, without padding
     */
    public record Positions(int rows, OptionalInt padTokenId) {

        /** Longest sequence that the table allows: 512 for a table of 514 rows and a padding token 1. */
        int max() {
            return padTokenId.isPresent() ? rows - padTokenId.getAsInt() - 1 : rows;
        }

        /** The row of each token, [B·S] int64. */
        NDArray ids(Tokens tokens) {
            return padTokenId.isPresent() ? tokens.positionsAfter(padTokenId.getAsInt()) : tokens.positions();
        }
    }

    /**
     * The table of token types.
     *
     * @param rows number of rows; 0 if an architecture has no token types
     * @param given whether tokens bring their type along; otherwise it is 0, also in a second text
     */
    public record TokenTypes(int rows, boolean given) {

        /** The row of each token, [B·S] int64; empty if there is no table. */
        Optional<NDArray> ids(Tokens tokens) {
            if (rows == 0) {
                return Optional.empty();
            }
            return Optional.of(given ? tokens.typeIds() : tokens.zeros());
        }
    }

    /**
     * Sizes by BERT's keys, which RoBERTa shares; refuses variants that would compute something else.
     *
     * @param padTokenId see {@link Positions}
     */
    public static EncoderSizes ofBert(EncoderConfig config, OptionalInt padTokenId) {
        config.require("hidden_act", GELU);
        config.require("position_embedding_type", "absolute");
        double hiddenDropout = config.number("hidden_dropout_prob", 0.1);
        return new EncoderSizes(
                config.positive("num_hidden_layers"),
                config.positive("hidden_size"),
                config.divisor("num_attention_heads", "hidden_size"),
                config.positive("intermediate_size"),
                config.positive("vocab_size"),
                new Positions(config.positive("max_position_embeddings"), padTokenId),
                new TokenTypes(config.positive("type_vocab_size"), padTokenId.isEmpty()),
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
