package org.sparklora.worker.contract;

/** How a float32 value is kept. */
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
