package org.sparklora.worker.encoder;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The parts of an encoder that an architecture brings.
 *
 * @param <C> what all layers of a batch share
 * @param pooler what runs between the last layer and the head, if anything does
 */
public record EncoderParts<C>(
        Embeddings<C> embeddings, List<? extends EncoderLayer<C>> layers, Optional<? extends Pooler> pooler) {

    /** All parts by layer index. */
    List<EncoderPart> all() {
        List<EncoderPart> all = new ArrayList<>();
        all.add(embeddings);
        all.addAll(layers);
        pooler.ifPresent(all::add);
        return all;
    }
}
