package org.sparklora.worker.contract;

/** The type of a stored value. */
public enum Precision {
    FLOAT32(4),
    /** IEEE 754 binary16, rounded to nearest even. */
    FLOAT16(2);

    private final int bytes;

    Precision(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a value. */
    public int bytes() {
        return bytes;
    }
}
