package org.sparklora.worker.safetensors;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Writes values little-endian through one small buffer: an array of a whole tensor may be larger than the heap, and a channel
 * would copy it to direct memory that Java never frees. The caller flushes at the end. Not thread-safe.
 */
public final class ValueWriter {

    private static final int CHUNK_BYTES = 1 << 16;

    private final OutputStream out;
    private final ByteBuffer buffer = ByteBuffer.allocate(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    /** Writes to a stream, which stays open. */
    public ValueWriter(OutputStream out) {
        this.out = out;
    }

    /** Writes a float32 with its bits. */
    public void put(float value) throws IOException {
        room().putInt(Float.floatToRawIntBits(value));
    }

    /** Writes the bits of a 16-bit value. */
    public void put(short bits) throws IOException {
        room().putShort(bits);
    }

    private ByteBuffer room() throws IOException {
        if (!buffer.hasRemaining()) {
            flush();
        }
        return buffer;
    }

    /** Writes what the buffer holds. */
    public void flush() throws IOException {
        out.write(buffer.array(), 0, buffer.position());
        buffer.clear();
    }
}
