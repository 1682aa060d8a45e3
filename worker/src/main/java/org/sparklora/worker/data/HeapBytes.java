package org.sparklora.worker.data;

import java.nio.ByteBuffer;

/** Bytes on the heap, in chunks: an array holds 2 GB at most, and large arrays fragment the heap. */
public final class HeapBytes implements StoredBytes {

    private static final long serialVersionUID = 1L;

    private static final int CHUNK_BYTES = 1 << 18;

    private final byte[][] chunks;

    public HeapBytes(long size) {
        chunks = new byte[Math.toIntExact((size + CHUNK_BYTES - 1) / CHUNK_BYTES)][];
        for (int i = 0; i < chunks.length; i++) {
            chunks[i] = new byte[(int) Math.min(CHUNK_BYTES, size - (long) i * CHUNK_BYTES)];
        }
    }

    @Override
    public void write(long position, ByteBuffer source) {
        for (long at = position; source.hasRemaining(); ) {
            ByteBuffer chunk = chunk(at, source.remaining());
            int count = chunk.remaining();
            chunk.put(source.slice(source.position(), count));
            source.position(source.position() + count);
            at += count;
        }
    }

    @Override
    public ByteBuffer read(long position, int count) {
        if (count == 0) {
            return ByteBuffer.allocate(0);
        }
        ByteBuffer part = chunk(position, count);
        if (part.remaining() == count) {
            return part.slice();
        }
        ByteBuffer bytes = ByteBuffer.allocate(count);
        while (bytes.hasRemaining()) {
            bytes.put(chunk(position + bytes.position(), bytes.remaining()));
        }
        return bytes.flip();
    }

    /** As many of the bytes from a position on as one chunk has. */
    private ByteBuffer chunk(long position, int count) {
        byte[] chunk = chunks[(int) (position / CHUNK_BYTES)];
        int from = (int) (position % CHUNK_BYTES);
        return ByteBuffer.wrap(chunk, from, Math.min(count, chunk.length - from));
    }
}
