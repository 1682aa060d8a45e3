package org.sparklora.worker.encoder;

import java.util.Optional;

/**
 * Module paths of one layer, and the names of the places where it drops out.
 *
 * @param attentionDropout place where attention probabilities drop out
 * @param attended what follows attention
 * @param intermediate path of the Linear that widens
 * @param output what narrows again
 */
public record LayerPaths(
        String attentionDropout, Projections projections, Sublayer attended, String intermediate, Sublayer output) {

    /** Paths of the Linears whose results attention works with. */
    public record Projections(String query, String key, String value) {}

    /**
     * What ends a sublayer: normalise(drop(Linear) + what entered).
     *
     * @param dense path of the Linear
     * @param dropout place where its result drops out; empty where the architecture has no dropout there
     * @param norm path of the layer normalisation
     */
    public record Sublayer(String dense, Optional<String> dropout, String norm) {}

    /** BERT's own spelling, which RoBERTa shares. */
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
