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
        HiddenActivation activation,
        double layerNormEps,
        double initializerRange,
        DropoutRates dropout) {

    /**
     * The table of positions.
     *
     * @param rows number of rows; 0 if an architecture has no table
     * @param padTokenId if present, positions count as in RoBERTa: from this token id + 1 on, without padding
     * @param max longest sequence
     */
    public record Positions(int rows, OptionalInt padTokenId, int max) {

        /** The longest sequence that the table allows: 512 for a table of 514 rows and a padding token 1. */
        public Positions(int rows, OptionalInt padTokenId) {
            this(rows, padTokenId, padTokenId.isPresent() ? rows - padTokenId.getAsInt() - 1 : rows);
        }

        /** Embeddings without positions. */
        public static Positions without(int max) {
            return new Positions(0, OptionalInt.empty(), max);
        }

        /** The row of each token, [B·S] int64. */
        public NDArray ids(Tokens tokens) {
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
        public Optional<NDArray> ids(Tokens tokens) {
            if (rows == 0) {
                return Optional.empty();
            }
            return Optional.of(given ? tokens.typeIds() : tokens.zeros());
        }
    }

    /**
     * What transformers takes for keys that are missing.
     *
     * @param types whether there is a table of token types
     */
    public record Defaults(int hidden, int heads, int intermediate, boolean types) {

        /** Those of BERT, which RoBERTa shares. */
        public static final Defaults BERT = new Defaults(768, 12, 3072, true);
    }

    /**
     * Sizes by BERT's keys, which several architectures share; refuses variants that would compute something else.
     *
     * @param padTokenId see {@link Positions}
     */
    public static EncoderSizes ofBert(EncoderConfig config, OptionalInt padTokenId, Defaults defaults) {
        HiddenActivation activation = HiddenActivation.of(config, "hidden_act");
        config.require("position_embedding_type", "absolute");
        double hiddenDropout = config.number("hidden_dropout_prob", 0.1);
        int hidden = config.positive("hidden_size", defaults.hidden());
        int types = config.positive("type_vocab_size", 2);
        Positions positions = new Positions(config.positive("max_position_embeddings", 512), padTokenId);
        if (positions.max() < 1) {
            throw config.problem(
                    "max_position_embeddings " + positions.rows() + " leaves no position above pad_token_id "
                            + padTokenId.orElseThrow() + ", where " + config.modelType() + " begins to count");
        }
        return new EncoderSizes(
                config.positive("num_hidden_layers", 12),
                hidden,
                config.divisor("num_attention_heads", defaults.heads(), "hidden_size", hidden),
                config.positive("intermediate_size", defaults.intermediate()),
                config.positive("vocab_size", padTokenId.isPresent() ? 50265 : 30522),
                positions,
                new TokenTypes(defaults.types() ? types : 0, padTokenId.isEmpty()),
                activation,
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
