package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/** Connects one rank with the others. Incoming messages go into this rank's {@link Mailbox}. */
public interface Transport extends AutoCloseable {

    /**
     * Sends a message.
     *
     * @return completes when the buffer may be reused; fails with a {@link PeerException} if the rank cannot be reached
     */
    CompletableFuture<Void> send(int rank, ByteBuffer message);

    /** Sends a message to every connected rank, within a short time limit. */
    void broadcast(ByteBuffer message);

    /** The name of a rank in messages, such as its host and port. */
    String name(int rank);

    @Override
    void close();
}
