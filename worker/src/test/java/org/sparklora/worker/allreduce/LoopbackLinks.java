package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;

/** Ranks in one JVM: a message is put into the other's mailbox by the sender's thread. */
final class LoopbackLinks implements Links {

    private final Mailbox[] mailboxes;

    LoopbackLinks(Mailbox[] mailboxes) {
        this.mailboxes = mailboxes;
    }

    @Override
    public void send(int rank, ByteBuffer message) {
        mailboxes[rank].put(message.duplicate());
    }

    @Override
    public String name(int rank) {
        return "loopback " + rank;
    }

    @Override
    public void close() {}
}
