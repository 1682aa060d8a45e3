package org.sparklora.worker.encoder;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * The names of an architecture's weights.
 *
 * @param prefix the start of all names of the encoder, e.g. {@code bert.}; a bare model's checkpoint lacks it
 * @param layers the part between prefix and layer number, e.g. {@code encoder.layer.}
 * @param layer names within a layer, by their common start
 * @param pooler path of the pooler's Linear, if the architecture has one
 * @param head the starts of the names of the head's modules
 */
public record EncoderNames(
        String prefix, String layers, Function<String, LayerPaths> layer, Optional<String> pooler, List<String> head) {

    /** The names without those of the pooler. */
    EncoderNames withoutPooler() {
        return new EncoderNames(prefix, layers, layer, Optional.empty(), head);
    }

    String embeddings() {
        return prefix + "embeddings.";
    }

    /** The start of all names of a layer. */
    String layerPrefix(int number) {
        return prefix + layers + number + ".";
    }

    /**
     * The canonical name of a checkpoint's tensor. Checkpoints of a bare model lack the prefix; TensorFlow conversions call
     * the weight and bias of a layer normalization gamma and beta. Empty for tensors that are not used: pre-training heads,
     * the position_ids buffer, and a pooler that the head does not read.
     */
    Optional<String> canonical(String name) {
        boolean bare = List.of("embeddings.", "pooler.", layers).stream().anyMatch(name::startsWith);
        String full = bare ? prefix + name : name;
        if (!full.startsWith(prefix)) {
            return head.stream().anyMatch(full::startsWith) ? Optional.of(full) : Optional.empty();
        }
        if (full.endsWith(".position_ids") || (full.startsWith(prefix + "pooler.") && pooler.isEmpty())) {
            return Optional.empty();
        }
        return Optional.of(full.replaceFirst("\\.gamma$", ".weight").replaceFirst("\\.beta$", ".bias"));
    }
}
