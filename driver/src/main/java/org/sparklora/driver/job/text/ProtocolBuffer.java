package org.sparklora.driver.job.text;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A protocol buffer that is written field by field (protobuf.dev, "Encoding"). It covers what TensorBoard's events and ONNX models
 * need. The protobuf library is not used because its version on the class path differs between Spark and Hadoop distributions.
 */
public final class ProtocolBuffer {

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH = 2;
    private static final int FIXED32 = 5;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** An integer or an enum constant. */
    public ProtocolBuffer whole(int field, long value) {
        return varint((long) field << 3 | VARINT).varint(value);
    }

    public ProtocolBuffer number(int field, double value) {
        return varint((long) field << 3 | FIXED64)
                .bytes(littleEndian(Double.BYTES).putDouble(value).array());
    }

    public ProtocolBuffer number(int field, float value) {
        return varint((long) field << 3 | FIXED32)
                .bytes(littleEndian(Float.BYTES).putFloat(value).array());
    }

    public ProtocolBuffer text(int field, String value) {
        return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    public ProtocolBuffer message(int field, ProtocolBuffer value) {
        return bytes(field, value.toBytes());
    }

    public ProtocolBuffer bytes(int field, byte[] value) {
        return begin(field, value.length).bytes(value);
    }

    /** The beginning of a message or of bytes that the caller writes behind this. */
    public ProtocolBuffer begin(int field, long length) {
        return varint((long) field << 3 | LENGTH).varint(length);
    }

    /** Fields that were written before. */
    public ProtocolBuffer bytes(byte[] bytes) {
        out.writeBytes(bytes);
        return this;
    }

    public byte[] toBytes() {
        return out.toByteArray();
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private ProtocolBuffer varint(long value) {
        long left = value;
        while ((left & ~0x7fL) != 0) {
            out.write((int) ((left & 0x7f) | 0x80));
            left >>>= 7;
        }
        out.write((int) left);
        return this;
    }
}
