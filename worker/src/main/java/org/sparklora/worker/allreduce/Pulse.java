package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;

/**
 * The message in which a rank says where it is. A rank that waits asks the rank that it waits for. The network threads of that one
 * answer while its task computes, so a slow rank is told from a process that is frozen or gone.
 *
 * @param asks whether the receiver shall answer with its own
 * @param step global step that the sender computes; it has the totals of all steps before
 * @param shard the shard that the sender computes now; {@link #NONE} if it waits itself
 */
record Pulse(long sessionId, int sender, boolean asks, long step, int shard) implements PeerMessage {

    static final int CODE = 4;

    /** Computes no shard. */
    static final int NONE = -1;

    private static final int FIELD_BYTES = 4 + 8 + 4;

    ByteBuffer encode() {
        ByteBuffer out =
                PeerMessage.open(ByteBuffer.allocate(HEADER_BYTES + FIELD_BYTES + CRC_BYTES), sessionId, CODE, sender);
        return PeerMessage.seal(out.putInt(asks ? 1 : 0).putLong(step).putInt(shard));
    }

    static Pulse read(long sessionId, int sender, ByteBuffer in) {
        if (in.remaining() != FIELD_BYTES) {
            throw new ProtocolException("rank " + sender + " sent a pulse of " + in.remaining() + " bytes");
        }
        return new Pulse(sessionId, sender, in.getInt() == 1, in.getLong(), in.getInt());
    }
}
