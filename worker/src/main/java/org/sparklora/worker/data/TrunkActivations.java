package org.sparklora.worker.data;

import java.nio.FloatBuffer;

/**
 * Cached activations of the frozen trunk for the rows of a batch: the hidden states below one layer. For each row [tokens, H]
 * without padding, or [1, H] if only the first token is used from there on.
 */
public interface TrunkActivations {

    /** Digest of everything that determines the values. */
    String digest();

    /** Writes the vectors of a row of the batch, and advances the buffer's position. */
    void copy(int row, FloatBuffer target);
}
