package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * A message between ranks: a chunk of a sum, where a rank is, or the reason why a rank cannot continue.
 *
 * <p>Layout, little-endian: magic (4), session id (8), kind (4), sender (4), then the kind's own fields, then CRC-32C of all
 * before it (4). A message that is wrong in any way is rejected, so that it never becomes a gradient.
 */
sealed interface PeerMessage permits Frame, Abort, Pulse {

    /** "SLR3", the version of the layout. */
    int MAGIC = 0x534C5233;

    int HEADER_BYTES = 4 + 8 + 4 + 4;
    int CRC_BYTES = 4;

    /** The segment that the message belongs to. */
    long sessionId();

    /** The rank that sent the message. */
    int sender();

    /** Writes the header of a message; {@link #seal} completes the message. */
    static ByteBuffer open(ByteBuffer target, long sessionId, int kind, int sender) {
        return target.clear()
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(MAGIC)
                .putLong(sessionId)
                .putInt(kind)
                .putInt(sender);
    }

    /** Adds the checksum and flips the buffer. */
    static ByteBuffer seal(ByteBuffer out) {
        out.putInt(crc(out.duplicate().flip()));
        return out.flip();
    }

    /**
     * Reads a message.
     *
     * @param chunks the division of the gradient
     * @throws ProtocolException if anything is wrong with the message
     */
    static PeerMessage decode(ByteBuffer message, Chunks chunks) {
        ByteBuffer in = message.slice().order(ByteOrder.LITTLE_ENDIAN);
        int end = in.remaining() - CRC_BYTES;
        if (end < HEADER_BYTES) {
            throw new ProtocolException("a message of " + in.remaining() + " bytes is not a message of spark-lora");
        }
        if (in.getInt(end) != crc(in.slice(0, end))) {
            throw new ProtocolException("a message does not match its checksum");
        }
        if (in.getInt() != MAGIC) {
            throw new ProtocolException("a message is not one of this version of spark-lora");
        }
        in.limit(end);
        long sessionId = in.getLong();
        int kind = in.getInt();
        int sender = in.getInt();
        return switch (kind) {
            case 1 -> Frame.read(sessionId, Frame.Kind.UP, sender, in, chunks);
            case 2 -> Frame.read(sessionId, Frame.Kind.DOWN, sender, in, chunks);
            case Abort.CODE -> Abort.read(sessionId, sender, in);
            case Pulse.CODE -> Pulse.read(sessionId, sender, in);
            default -> throw new ProtocolException("a frame has the unknown kind " + kind);
        };
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
