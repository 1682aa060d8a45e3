package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.sparklora.worker.contract.ShardSum;

/**
 * One message between ranks: a sum on its way up the tree, or the total on its way down.
 *
 * <p>Layout, little-endian: magic, plan (8), step (8), kind, sender, node, examples (4 each), loss, weight (8 each),
 * number of floats, the floats, CRC-32C of all before it. A frame that does not fit in every respect is refused: it
 * never becomes a gradient.
 *
 * @param plan what the stage is about; frames of another stage are strangers
 * @param step global step
 * @param sum of a node of the tree; of node 1 for the total
 */
public record Frame(long plan, long step, Kind kind, int sender, Node sum) {

    /** What a frame carries. */
    public enum Kind {
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

    /** A node's sum. */
    public record Node(int node, ShardSum sum) {}

    private static final int MAGIC = 0x534C5231; // "SLR1"
    private static final int HEADER_BYTES = 4 + 8 + 8 + 4 * 4 + 8 + 8 + 4;
    private static final int CRC_BYTES = 4;

    /** Bytes of a frame with a gradient of so many floats. */
    static int bytes(int floats) {
        return HEADER_BYTES + Math.multiplyExact(floats, Float.BYTES) + CRC_BYTES;
    }

    /** Writes the frame into a buffer of at least {@link #bytes} and returns it, flipped. */
    ByteBuffer encode(ByteBuffer target) {
        float[] gradient = sum.sum().gradient();
        ByteBuffer out = target.clear().order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(MAGIC).putLong(plan).putLong(step).putInt(kind.code).putInt(sender);
        out.putInt(sum.node()).putInt(sum.sum().examples());
        out.putDouble(sum.sum().loss()).putDouble(sum.sum().weight()).putInt(gradient.length);
        out.asFloatBuffer().put(gradient);
        out.position(out.position() + gradient.length * Float.BYTES);
        out.putInt(crc(out.duplicate().flip()));
        return out.flip();
    }

    /**
     * Reads a frame.
     *
     * @param floats size that the gradient must have
     * @throws ProtocolException when anything is wrong with it
     */
    static Frame decode(ByteBuffer message, int floats) {
        ByteBuffer in = message.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (in.remaining() != bytes(floats)) {
            throw new ProtocolException(
                    "a message of " + in.remaining() + " bytes came where " + bytes(floats) + " were due");
        }
        int end = in.limit() - CRC_BYTES;
        if (in.getInt(end) != crc(in.slice(0, end))) {
            throw new ProtocolException("a message does not match its checksum");
        }
        if (in.getInt() != MAGIC) {
            throw new ProtocolException("a message is no frame of spark-lora");
        }
        long plan = in.getLong();
        long step = in.getLong();
        Kind kind = Kind.of(in.getInt());
        int sender = in.getInt();
        int node = in.getInt();
        int examples = in.getInt();
        double loss = in.getDouble();
        double weight = in.getDouble();
        int size = in.getInt();
        if (size != floats) {
            throw new ProtocolException("a frame with " + size + " values came where " + floats + " were due");
        }
        float[] gradient = new float[floats];
        in.asFloatBuffer().get(gradient);
        return new Frame(plan, step, kind, sender, new Node(node, new ShardSum(loss, weight, examples, gradient)));
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
