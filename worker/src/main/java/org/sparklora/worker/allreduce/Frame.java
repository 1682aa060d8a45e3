package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

/**
 * A message with a chunk of a sum on its way up the tree, or of the total on its way down.
 *
 * <p>After the common header: step (8), node, chunk, examples (4 each), loss, weight (8 each), the chunk's values (4 each). The
 * chunk's number determines how many values there are.
 *
 * @param part the chunk's values. Loss and counts are those of the whole sum in chunk 0, and mean nothing in others
 */
record Frame(long sessionId, int sender, ChunkKey key, ShardSum part) implements PeerMessage {

    private static final int FIELD_BYTES = 8 + 3 * 4 + 4 * 8;

    /** The direction of a frame. */
    enum Kind {
        /** The sum of a node, sent to the rank that owns the parent node. */
        UP(1),
        /** The sum over all shards, sent to the ranks that get it from the sender. */
        DOWN(2);

        final int code;

        Kind(int code) {
            this.code = code;
        }
    }

    /**
     * Identifies a chunk of the sum of a node of {@link ShardTree}; node 1 is the total.
     *
     * @param step global step
     */
    record ChunkKey(Kind kind, long step, int node, int chunk) {}

    /** Size in bytes of a frame with a number of values. */
    static int bytes(int values) {
        return HEADER_BYTES + FIELD_BYTES + values * Float.BYTES + CRC_BYTES;
    }

    /** Writes a chunk of a sum into a buffer of at least {@link #bytes}, and flips the buffer. */
    static ByteBuffer encode(long sessionId, int sender, ChunkKey key, ShardSum sum, Chunks chunks, ByteBuffer target) {
        int size = chunks.size(key.chunk);
        ByteBuffer out = PeerMessage.open(target, sessionId, key.kind.code, sender);
        out.putLong(key.step).putInt(key.node).putInt(key.chunk).putInt(sum.examples());
        out.putDouble(sum.loss()).putDouble(sum.weight());
        out.putLong(sum.padding().tokens()).putLong(sum.padding().filled());
        out.asFloatBuffer().put(sum.gradient(), chunks.from(key.chunk), size);
        return PeerMessage.seal(out.position(out.position() + size * Float.BYTES));
    }

    static Frame read(long sessionId, Kind kind, int sender, ByteBuffer in, Chunks chunks) {
        if (in.remaining() < FIELD_BYTES) {
            throw new ProtocolException("rank " + sender + " sent a frame without its fields");
        }
        ChunkKey key = new ChunkKey(kind, in.getLong(), in.getInt(), in.getInt());
        int examples = in.getInt();
        double loss = in.getDouble();
        double weight = in.getDouble();
        Padding padding = new Padding(in.getLong(), in.getLong());
        if (key.chunk < 0 || key.chunk >= chunks.count()) {
            throw new ProtocolException("rank " + sender + " sent chunk " + key.chunk + " of " + chunks.count());
        }
        int expected = chunks.size(key.chunk);
        if (in.remaining() != expected * Float.BYTES) {
            throw new ProtocolException("rank " + sender + " sent " + in.remaining() + " bytes of values where "
                    + expected * Float.BYTES + " were expected");
        }
        float[] values = new float[expected];
        in.asFloatBuffer().get(values);
        return new Frame(sessionId, sender, key, new ShardSum(loss, weight, examples, padding, values));
    }
}
