package org.sparklora.worker.train;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes numbers and texts, little-endian; {@link FieldReader} reads them. */
final class FieldWriter {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    FieldWriter(int magic, int version) {
        out.writeBytes(buffer(8).putInt(magic).putInt(version).array());
    }

    /** A number that is not negative. */
    void count(int value) {
        out.writeBytes(buffer(4).putInt(value).array());
    }

    void whole(long value) {
        out.writeBytes(buffer(8).putLong(value).array());
    }

    void text(String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        count(utf8.length);
        out.writeBytes(utf8);
    }

    void floats(float[] values) {
        count(values.length);
        byte[] bytes = new byte[Math.multiplyExact(values.length, Float.BYTES)];
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putInt(Float.floatToRawIntBits(value));
        }
        out.writeBytes(bytes);
    }

    byte[] bytes() {
        return out.toByteArray();
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
