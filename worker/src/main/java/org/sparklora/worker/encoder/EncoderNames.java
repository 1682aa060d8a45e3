package org.sparklora.worker.encoder;

/**
 * The common starts of an architecture's names.
 *
 * @param prefix the start of all names of the encoder, e.g. {@code bert.}; a bare model's checkpoint lacks it
 * @param layers the part between prefix and layer number, e.g. {@code encoder.layer.}
 */
public record EncoderNames(String prefix, String layers) {

    /** The start of the names of a layer. */
    public String layer(int layer) {
        return prefix + layers + layer + ".";
    }
}
