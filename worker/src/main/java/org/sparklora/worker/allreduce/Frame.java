package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import org.sparklora.worker.contract.ShardSum;

/**
 * A chunk of a sum on its way up the tree, or of the total on its way down.
 *
 * <p>After the common header: step (8), node, chunk, examples (4 each), loss, weight (8 each), the chunk's values (4
 * each). How many there must be follows from the chunk's number.
 *
 * @param label who sends which part of what
 * @param part the chunk's values, with loss and counts of the whole sum, which are the same in each of its chunks
 */
record Frame(Label label, ShardSum part) implements PeerMessage {

    /** What a frame carries. */
    enum Kind {
        /** The sum of a node, for the rank that owns its parent. */
        UP(1),
        /** The sum over all shards. */
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

    /** A part of a node's sum; node 1 is the total. */
    record Place(int node, int chunk) {}

    private static final int FIELD_BYTES = 8 + 3 * 4 + 2 * 8;

    /** Bytes of a frame with so many values. */
    static int bytes(int values) {
        return HEADER_BYTES + FIELD_BYTES + values * Float.BYTES + CRC_BYTES;
    }

    /**
     * What a frame is, without its values.
     *
     * @param step global step
     */
    record Label(long plan, Kind kind, int sender, long step, Place place) {}

    @Override
    public long plan() {
        return label.plan;
    }

    @Override
    public int sender() {
        return label.sender;
    }

    /** Writes a chunk of a sum straight from its gradient; the buffer holds at least {@link #bytes} and is flipped. */
    static ByteBuffer encode(Label label, ShardSum sum, Chunks chunks, ByteBuffer target) {
        int chunk = label.place.chunk;
        int size = chunks.size(chunk);
        ByteBuffer out = PeerMessage.open(target, label.plan, label.kind.code, label.sender);
        out.putLong(label.step).putInt(label.place.node).putInt(chunk).putInt(sum.examples());
        out.putDouble(sum.loss()).putDouble(sum.weight());
        out.asFloatBuffer().put(sum.gradient(), chunks.from(chunk), size);
        return PeerMessage.seal(out.position(out.position() + size * Float.BYTES));
    }

    static Frame read(long plan, Kind kind, int sender, ByteBuffer in, Chunks chunks) {
        if (in.remaining() < FIELD_BYTES) {
            throw new ProtocolException("rank " + sender + " sent a frame without its fields");
        }
        long step = in.getLong();
        Place place = new Place(in.getInt(), in.getInt());
        int examples = in.getInt();
        double loss = in.getDouble();
        double weight = in.getDouble();
        if (place.chunk < 0 || place.chunk >= chunks.count()) {
            throw new ProtocolException("rank " + sender + " sent chunk " + place.chunk + " of " + chunks.count());
        }
        int due = chunks.size(place.chunk);
        if (in.remaining() != due * Float.BYTES) {
            throw new ProtocolException("rank " + sender + " sent " + in.remaining() + " bytes of values where "
                    + due * Float.BYTES + " were due");
        }
        float[] values = new float[due];
        in.asFloatBuffer().get(values);
        return new Frame(new Label(plan, kind, sender, step, place), new ShardSum(loss, weight, examples, values));
    }
}
