package org.sparklora.worker.safetensors;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/**
 * Writes values little-endian through one small buffer: an array of a whole tensor may be larger than the heap, and a channel
 * would copy it to direct memory that Java never frees.
 */
public final class ValueWriter {

    private static final int CHUNK_BYTES = 1 << 16;

    private final OutputStream out;
    private final ByteBuffer buffer = ByteBuffer.allocate(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    private ValueWriter(OutputStream out) {
        this.out = out;
    }

    /** Writes values to a stream, which stays open. */
    public static void write(OutputStream out, Consumer<ValueWriter> values) throws IOException {
        ValueWriter writer = new ValueWriter(out);
        try {
            values.accept(writer);
            writer.flush();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Writes a float32 with its bits. */
    public void put(float value) {
        room().putInt(Float.floatToRawIntBits(value));
    }

    /** Writes the bits of a 16-bit value. */
    public void put(short bits) {
        room().putShort(bits);
    }

    private ByteBuffer room() {
        if (!buffer.hasRemaining()) {
            flush();
        }
        return buffer;
    }

    private void flush() {
        try {
            out.write(buffer.array(), 0, buffer.position());
            buffer.clear();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
