package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * What ranks say to each other: a chunk of a sum, or that the stage cannot go on.
 *
 * <p>Layout, little-endian: magic (4), plan (8), kind (4), sender (4), then the kind's own fields, then CRC-32C of all
 * before it (4). A message that does not fit in every respect is refused: it never becomes a gradient.
 */
sealed interface PeerMessage permits Frame, Abort {

    /** "SLR2": the layout's version. */
    int MAGIC = 0x534C5232;

    int HEADER_BYTES = 4 + 8 + 4 + 4;
    int CRC_BYTES = 4;

    /** What the stage is about; messages of another stage are strangers. */
    long plan();

    /** The rank that says it. */
    int sender();

    /** Starts a message in a buffer; {@link #seal} ends it. */
    static ByteBuffer open(ByteBuffer target, long plan, int kind, int sender) {
        return target.clear()
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(MAGIC)
                .putLong(plan)
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
     * @param chunks how the gradient is cut
     * @throws ProtocolException when anything is wrong with it
     */
    static PeerMessage decode(ByteBuffer message, Chunks chunks) {
        ByteBuffer in = message.slice().order(ByteOrder.LITTLE_ENDIAN);
        int end = in.remaining() - CRC_BYTES;
        if (end < HEADER_BYTES) {
            throw new ProtocolException("a message of " + in.remaining() + " bytes is no frame of spark-lora");
        }
        if (in.getInt(end) != crc(in.slice(0, end))) {
            throw new ProtocolException("a message does not match its checksum");
        }
        if (in.getInt() != MAGIC) {
            throw new ProtocolException("a message is no frame of spark-lora of this version");
        }
        in.limit(end);
        long plan = in.getLong();
        int kind = in.getInt();
        int sender = in.getInt();
        if (kind == Abort.CODE) {
            return Abort.read(plan, sender, in);
        }
        return Frame.read(plan, Frame.Kind.of(kind), sender, in, chunks);
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
