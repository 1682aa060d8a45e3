package org.sparklora.worker.safetensors;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** Element types of the format that have a whole number of bytes and a plain meaning, by the names the header uses. */
public enum DType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    I64(8),
    I32(4),
    I16(2),
    I8(1),
    U64(8),
    U32(4),
    U16(2),
    U8(1),
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Size of one element. */
    public int bytes() {
        return bytes;
    }

    /** Whether {@link SafetensorsFile#read} can read it. */
    public boolean isFloat() {
        return this == F64 || this == F32 || this == F16 || this == BF16;
    }

    /** Reads values as float32, from the buffer's position on. F64 is rounded to nearest; the other types are exact. */
    public void read(ByteBuffer from, float[] to, int offset, int count) {
        switch (this) {
            case F32 -> from.asFloatBuffer().get(to, offset, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = HalfFloats.fromF16(from.getShort());
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = HalfFloats.fromBf16(from.getShort());
                }
            }
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    to[offset + i] = (float) from.getDouble();
                }
            }
            default -> throw new IllegalStateException(this + " is not a float");
        }
    }

    /** The type of a header's spelling; empty for one that is newer than this code. */
    static Optional<DType> of(String spelling) {
        return Arrays.stream(values())
                .filter(type -> type.name().equals(spelling))
                .findFirst();
    }
}
