package org.sparklora.worker.data;

import java.nio.FloatBuffer;

/**
 * What enters a stage of the encoder for the rows of a batch, kept from an earlier pass. For each row [tokens, H] without
 * padding; [1, H] above a last layer of which the first token alone is used.
 */
public interface TrunkActivations {

    /** Digest of everything that the values come from. */
    String digest();

    /** Writes the vectors of a row of the batch, and moves the buffer's position past them. */
    void copy(int row, FloatBuffer target);
}
