package org.sparklora.worker.safetensors;

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

    /** Whether {@link SafetensorsFile#floats} can read it. */
    public boolean isFloat() {
        return this == F64 || this == F32 || this == F16 || this == BF16;
    }

    /** The type of a header's spelling; empty for one that is newer than this code. */
    static Optional<DType> of(String spelling) {
        for (DType type : values()) {
            if (type.name().equals(spelling)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
