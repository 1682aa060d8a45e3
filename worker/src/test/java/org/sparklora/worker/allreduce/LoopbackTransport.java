package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/** Ranks in one JVM: a message is put into the other's mailbox by the sender's thread. */
final class LoopbackTransport implements Transport {

    private final Mailbox[] mailboxes;

    private final int self;

    LoopbackTransport(Mailbox[] mailboxes, int self) {
        this.mailboxes = mailboxes;
        this.self = self;
    }

    @Override
    public CompletableFuture<Void> send(int rank, ByteBuffer message) {
        deliver(rank, message);
        return CompletableFuture.completedFuture(null);
    }

    private void deliver(int rank, ByteBuffer message) {
        mailboxes[rank].put(message, answer -> mailboxes[self].put(answer, none -> {}));
    }

    @Override
    public void broadcast(ByteBuffer message) {
        for (int rank = 0; rank < mailboxes.length; rank++) {
            if (rank != self) {
                deliver(rank, message.duplicate());
            }
        }
    }

    @Override
    public String name(int rank) {
        return "loopback " + rank;
    }

    @Override
    public void close() {
        for (int rank = 0; rank < mailboxes.length; rank++) {
            if (rank != self) {
                mailboxes[rank].lost(self);
            }
        }
    }
}
