package org.sparklora.worker.contract;

/** The type of a cached value. */
public enum StoredType {
    FLOAT32(4),
    /** IEEE 754 binary16, rounded to nearest even. */
    FLOAT16(2),
    /** The upper half of a float32, rounded to nearest even. */
    BFLOAT16(2);

    private final int bytes;

    StoredType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a value. */
    public int bytes() {
        return bytes;
    }
}
