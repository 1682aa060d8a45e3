package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;

/** How one rank reaches the others. What arrives goes into this rank's {@link Mailbox}. */
public interface Links extends AutoCloseable {

    /**
     * Sends a message; returns when the buffer may be used again.
     *
     * @throws PeerException when the rank cannot be reached
     */
    void send(int rank, ByteBuffer message);

    /** How messages call a rank, e.g. its host and port. */
    String name(int rank);

    @Override
    void close();
}
