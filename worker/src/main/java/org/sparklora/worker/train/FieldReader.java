package org.sparklora.worker.train;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Reads what {@link FieldWriter} wrote. It checks every length against the remaining bytes before it allocates, so damaged
 * bytes cause an IllegalArgumentException instead of an OutOfMemoryError.
 */
final class FieldReader {

    private final ByteBuffer in;

    FieldReader(byte[] bytes, int magic, int version) {
        in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        need(8);
        int foundMagic = in.getInt();
        int foundVersion = in.getInt();
        if (foundMagic != magic) {
            throw new IllegalArgumentException("starts with 0x" + Integer.toHexString(foundMagic) + " where 0x"
                    + Integer.toHexString(magic) + " was expected, so it is another kind of file");
        }
        if (foundVersion != version) {
            throw new IllegalArgumentException("has format version " + foundVersion + ", and this version reads "
                    + version + "; use the version that wrote it");
        }
    }

    int count() {
        need(4);
        int value = in.getInt();
        if (value < 0) {
            throw new IllegalArgumentException(
                    "holds the number " + value + " before byte " + in.position() + ", which must not be negative");
        }
        return value;
    }

    long whole() {
        need(8);
        return in.getLong();
    }

    String text() {
        int length = count();
        need(length);
        byte[] utf8 = new byte[length];
        in.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }

    float[] floats() {
        int length = count();
        need((long) length * Float.BYTES);
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = Float.intBitsToFloat(in.getInt());
        }
        return values;
    }

    /** Refuses bytes after the last field. */
    void end() {
        if (in.hasRemaining()) {
            throw new IllegalArgumentException("has " + in.remaining() + " bytes after its end");
        }
    }

    private void need(long bytes) {
        if (bytes > in.remaining()) {
            throw new IllegalArgumentException("ends at byte " + in.limit() + ", but " + bytes
                    + " more bytes must follow byte " + in.position());
        }
    }
}
