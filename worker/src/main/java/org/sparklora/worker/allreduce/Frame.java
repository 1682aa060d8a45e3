package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import org.sparklora.worker.contract.ShardSum;

/**
 * A message with a chunk of a sum on its way up the tree, or of the total on its way down.
 *
 * <p>After the common header: step (8), node, chunk, examples (4 each), loss, weight (8 each), the chunk's values (4 each). The
 * chunk's number determines how many values there are.
 *
 * @param label sender, step and chunk
 * @param part the chunk's values, with loss and counts of the whole sum, which every chunk repeats
 */
record Frame(Label label, ShardSum part) implements PeerMessage {

    /** The direction of a frame. */
    enum Kind {
        /** The sum of a node, sent to the rank that owns the parent node. */
        UP(1),
        /** The sum over all shards, sent to the children of a rank. */
        DOWN(2);

        private final int code;

        Kind(int code) {
            this.code = code;
        }

        static Kind of(int code) {
            for (Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new ProtocolException("a frame has the unknown kind " + code);
        }
    }

    /** A chunk of the sum of a node of {@link ShardTree}; node 1 is the total. */
    record NodeChunk(int node, int chunk) {}

    private static final int FIELD_BYTES = 8 + 3 * 4 + 2 * 8;

    /** Size in bytes of a frame with a number of values. */
    static int bytes(int values) {
        return HEADER_BYTES + FIELD_BYTES + values * Float.BYTES + CRC_BYTES;
    }

    /**
     * A frame without its values.
     *
     * @param step global step
     */
    record Label(long sessionId, Kind kind, int sender, long step, NodeChunk part) {}

    @Override
    public long sessionId() {
        return label.sessionId;
    }

    @Override
    public int sender() {
        return label.sender;
    }

    /** Writes a chunk of a sum into a buffer of at least {@link #bytes}, and flips the buffer. */
    static ByteBuffer encode(Label label, ShardSum sum, Chunks chunks, ByteBuffer target) {
        int chunk = label.part.chunk;
        int size = chunks.size(chunk);
        ByteBuffer out = PeerMessage.open(target, label.sessionId, label.kind.code, label.sender);
        out.putLong(label.step).putInt(label.part.node).putInt(chunk).putInt(sum.examples());
        out.putDouble(sum.loss()).putDouble(sum.weight());
        out.asFloatBuffer().put(sum.gradient(), chunks.from(chunk), size);
        return PeerMessage.seal(out.position(out.position() + size * Float.BYTES));
    }

    static Frame read(long sessionId, Kind kind, int sender, ByteBuffer in, Chunks chunks) {
        if (in.remaining() < FIELD_BYTES) {
            throw new ProtocolException("rank " + sender + " sent a frame without its fields");
        }
        long step = in.getLong();
        NodeChunk part = new NodeChunk(in.getInt(), in.getInt());
        int examples = in.getInt();
        double loss = in.getDouble();
        double weight = in.getDouble();
        if (part.chunk < 0 || part.chunk >= chunks.count()) {
            throw new ProtocolException("rank " + sender + " sent chunk " + part.chunk + " of " + chunks.count());
        }
        int expected = chunks.size(part.chunk);
        if (in.remaining() != expected * Float.BYTES) {
            throw new ProtocolException("rank " + sender + " sent " + in.remaining() + " bytes of values where "
                    + expected * Float.BYTES + " were expected");
        }
        float[] values = new float[expected];
        in.asFloatBuffer().get(values);
        return new Frame(new Label(sessionId, kind, sender, step, part), new ShardSum(loss, weight, examples, values));
    }
}
