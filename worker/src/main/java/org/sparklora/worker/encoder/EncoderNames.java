package org.sparklora.worker.encoder;

import java.util.Optional;
import java.util.function.Function;

/**
 * The names of an architecture's weights.
 *
 * @param prefix the start of all names of the encoder, e.g. {@code bert.}; a bare model's checkpoint lacks it
 * @param layers the part between prefix and layer number, e.g. {@code encoder.layer.}
 * @param layer names within a layer, by their common start
 * @param pooler path of the pooler's Linear, if the architecture has one
 */
public record EncoderNames(String prefix, String layers, Function<String, LayerPaths> layer, Optional<String> pooler) {}
