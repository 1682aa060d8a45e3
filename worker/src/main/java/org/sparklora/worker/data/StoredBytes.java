package org.sparklora.worker.data;

import java.io.Serializable;
import java.nio.ByteBuffer;

/** A known number of bytes, on the heap or on disk. They are written once, in any order, and then read in parts. Thread-safe. */
public interface StoredBytes extends Serializable {

    /** Writes the remaining bytes of the source to a position. */
    void write(long position, ByteBuffer source);

    /** Returns the bytes from a position on. Do not change them. */
    ByteBuffer read(long position, int count);
}
