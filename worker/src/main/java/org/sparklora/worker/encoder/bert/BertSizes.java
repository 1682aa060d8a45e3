package org.sparklora.worker.encoder.bert;

import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.encoder.EncoderConfig;

/** Sizes of a BERT, from the keys of its config.json. Built by name in one place, hence the many components. */
record BertSizes(
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

    static BertSizes of(EncoderConfig config) {
        String activation = config.text("hidden_act").orElse("gelu");
        if (!activation.equals("gelu")) {
            throw config.problem("hidden_act '" + activation + "' is not supported; BERT's erf form 'gelu' is");
        }
        String position = config.text("position_embedding_type").orElse("absolute");
        if (!position.equals("absolute")) {
            throw config.problem("position_embedding_type '" + position + "' is not supported; 'absolute' is");
        }
        int hidden = config.positive("hidden_size");
        int heads = config.positive("num_attention_heads");
        if (hidden % heads != 0) {
            throw config.problem("hidden_size " + hidden + " is not a multiple of num_attention_heads " + heads);
        }
        double hiddenDropout = config.number("hidden_dropout_prob", 0.1);
        return new BertSizes(
                config.positive("num_hidden_layers"),
                hidden,
                heads,
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

    int headSize() {
        return hidden / heads;
    }
}
