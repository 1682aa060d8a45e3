package org.sparklora.worker.encoder;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * How an architecture names its weights.
 *
 * @param prefix what all names of the encoder begin with, e.g. {@code bert.}; a bare model's checkpoint lacks it
 * @param layers what follows before a layer's number, e.g. {@code encoder.layer.}
 * @param layer names within a layer, by what all of them begin with
 * @param pooler path of the pooler's Linear; empty where there is none
 * @param head what the names of the head's modules begin with
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

    /** What all names of a layer begin with. */
    String layerPrefix(int number) {
        return prefix + layers + number + ".";
    }

    /**
     * Checkpoints of a bare model lack the prefix; TensorFlow conversions call the weight and bias of a layer
     * normalisation gamma and beta. Pre-training heads, the position_ids buffer and a pooler that nobody reads are not
     * used.
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
