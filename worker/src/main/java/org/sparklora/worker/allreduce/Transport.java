package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/** How one rank reaches the others. What arrives goes into this rank's {@link Mailbox}. */
public interface Transport extends AutoCloseable {

    /**
     * Sends a message.
     *
     * @return done when the buffer may be used again; fails with a {@link PeerException} when the rank cannot be reached
     */
    CompletableFuture<Void> send(int rank, ByteBuffer message);

    /** Tells every rank that there is a connection with; who cannot be told soon is not. */
    void tellAll(ByteBuffer message);

    /** How messages call a rank, e.g. its host and port. */
    String name(int rank);

    @Override
    void close();
}
