package org.sparklora.worker.encoder.bert;

import java.util.Optional;

/**
 * Module paths of one layer, and the names of its dropout layers.
 *
 * @param attentionDropout name of the dropout of attention probabilities
 * @param attended the sublayer after attention
 * @param intermediate path of the Linear that widens
 * @param output the sublayer that narrows again
 */
public record LayerPaths(
        String attentionDropout, Projections projections, Sublayer attended, String intermediate, Sublayer output) {

    /** Paths of the Linears before attention. */
    public record Projections(String query, String key, String value) {}

    /**
     * The end of a sublayer: normalize(drop(Linear) + the sublayer's input).
     *
     * @param dense path of the Linear
     * @param dropout name of the dropout of its output, if the architecture has one
     * @param norm path of the layer normalisation
     */
    public record Sublayer(String dense, Optional<String> dropout, String norm) {}

    /** BERT's names, which RoBERTa shares. */
    public static LayerPaths ofBert(String prefix) {
        String self = prefix + "attention.self.";
        return new LayerPaths(
                self + "dropout",
                new Projections(self + "query", self + "key", self + "value"),
                sublayer(prefix + "attention.output."),
                prefix + "intermediate.dense",
                sublayer(prefix + "output."));
    }

    private static Sublayer sublayer(String prefix) {
        return new Sublayer(prefix + "dense", Optional.of(prefix + "dense.dropout"), prefix + "LayerNorm");
    }
}
