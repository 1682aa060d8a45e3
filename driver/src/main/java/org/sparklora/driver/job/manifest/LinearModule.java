package org.sparklora.driver.job.manifest;

/**
 * A Linear of the encoder that can be adapted; its weight is [out, in]. Or a table of embeddings of it, whose weight is [in, out].
 *
 * @param path full module name as Hugging Face gives it, e.g. {@code bert.encoder.layer.0.attention.self.query}
 */
public record LinearModule(String path, int inFeatures, int outFeatures) {

    /** @throws IllegalArgumentException for a module without name or without rows and columns */
    public LinearModule {
        if (path.isEmpty() || inFeatures < 1 || outFeatures < 1) {
            throw new IllegalArgumentException(
                    "module '" + path + "' of " + outFeatures + " x " + inFeatures + " is no Linear");
        }
    }

    /** The largest useful LoRA rank: the smaller side of the weight. */
    int largestRank() {
        return Math.min(inFeatures, outFeatures);
    }
}
