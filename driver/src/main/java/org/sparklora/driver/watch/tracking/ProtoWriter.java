package org.sparklora.driver.watch.tracking;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes protocol buffers field by field (protobuf.dev, "Encoding"). It covers what TensorBoard's events need. The protobuf
 * library is not used because its version on the class path differs between Spark and Hadoop distributions.
 */
final class ProtoWriter {

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH = 2;
    private static final int FIXED32 = 5;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** An integer or an enum constant. */
    ProtoWriter whole(int field, long value) {
        varint((long) field << 3 | VARINT);
        varint(value);
        return this;
    }

    ProtoWriter number(int field, double value) {
        varint((long) field << 3 | FIXED64);
        littleEndian(Double.doubleToLongBits(value), Double.BYTES);
        return this;
    }

    ProtoWriter number(int field, float value) {
        varint((long) field << 3 | FIXED32);
        littleEndian(Float.floatToIntBits(value), Float.BYTES);
        return this;
    }

    ProtoWriter text(int field, String value) {
        return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    ProtoWriter message(int field, ProtoWriter value) {
        return bytes(field, value.toBytes());
    }

    private ProtoWriter bytes(int field, byte[] value) {
        varint((long) field << 3 | LENGTH);
        varint(value.length);
        out.writeBytes(value);
        return this;
    }

    private void varint(long value) {
        long left = value;
        while ((left & ~0x7fL) != 0) {
            out.write((int) ((left & 0x7f) | 0x80));
            left >>>= 7;
        }
        out.write((int) left);
    }

    private void littleEndian(long bits, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (bits >>> (8 * i)));
        }
    }

    byte[] toBytes() {
        return out.toByteArray();
    }
}
