package org.sparklora.worker.encoder.bert;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.contract.TensorSpec;

/** Weight names of a BERT checkpoint: what must be there, and how old spellings map to today's. */
final class BertWeights {

    private BertWeights() {}

    static String layerPrefix(int layer) {
        return "bert.encoder.layer." + layer + ".";
    }

    /** Every weight, ordered by name. */
    static List<TensorSpec> all(BertSizes sizes) {
        List<TensorSpec> all = new ArrayList<>();
        int h = sizes.hidden();
        String embeddings = "bert.embeddings.";
        all.add(new TensorSpec(embeddings + "word_embeddings.weight", List.of(sizes.vocabulary(), h)));
        all.add(new TensorSpec(embeddings + "position_embeddings.weight", List.of(sizes.positions(), h)));
        all.add(new TensorSpec(embeddings + "token_type_embeddings.weight", List.of(sizes.types(), h)));
        addNorm(all, embeddings + "LayerNorm", h);
        for (TensorSpec linear : linears(sizes)) {
            all.add(new TensorSpec(linear.name() + ".weight", linear.shape()));
            all.add(new TensorSpec(
                    linear.name() + ".bias", List.of(linear.shape().get(0))));
        }
        for (int layer = 0; layer < sizes.layers(); layer++) {
            addNorm(all, layerPrefix(layer) + "attention.output.LayerNorm", h);
            addNorm(all, layerPrefix(layer) + "output.LayerNorm", h);
        }
        return all.stream().sorted().toList();
    }

    /** Every Linear of encoder and pooler by its module path, with the shape [out, in] of its weight. */
    static List<TensorSpec> linears(BertSizes sizes) {
        int h = sizes.hidden();
        int inner = sizes.intermediate();
        List<TensorSpec> linears = new ArrayList<>();
        for (int layer = 0; layer < sizes.layers(); layer++) {
            String prefix = layerPrefix(layer);
            for (String name : List.of("query", "key", "value")) {
                linears.add(new TensorSpec(prefix + "attention.self." + name, List.of(h, h)));
            }
            linears.add(new TensorSpec(prefix + "attention.output.dense", List.of(h, h)));
            linears.add(new TensorSpec(prefix + "intermediate.dense", List.of(inner, h)));
            linears.add(new TensorSpec(prefix + "output.dense", List.of(h, inner)));
        }
        linears.add(new TensorSpec("bert.pooler.dense", List.of(h, h)));
        return linears.stream().sorted().toList();
    }

    /**
     * Checkpoints of a bare BertModel lack the prefix {@code bert.}; TensorFlow conversions call the LayerNorm's weight
     * and bias gamma and beta. Pre-training heads and the position_ids buffer are not used.
     */
    static Optional<String> canonicalName(String name) {
        String full = name;
        if (name.startsWith("embeddings.") || name.startsWith("encoder.") || name.startsWith("pooler.")) {
            full = "bert." + name;
        }
        if (!full.startsWith("bert.") || full.endsWith(".position_ids")) {
            return full.startsWith("classifier.") ? Optional.of(full) : Optional.empty();
        }
        return Optional.of(full.replaceFirst("\\.LayerNorm\\.gamma$", ".LayerNorm.weight")
                .replaceFirst("\\.LayerNorm\\.beta$", ".LayerNorm.bias"));
    }

    private static void addNorm(List<TensorSpec> all, String path, int h) {
        all.add(new TensorSpec(path + ".weight", List.of(h)));
        all.add(new TensorSpec(path + ".bias", List.of(h)));
    }
}
