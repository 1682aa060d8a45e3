package org.sparklora.worker.pickle;

import java.nio.ByteBuffer;
import org.sparklora.worker.safetensors.HalfFloats;

/** Element types of a storage, by the class that PyTorch names. */
enum ElementType {
    FLOAT("FloatStorage", 4),
    HALF("HalfStorage", 2),
    BFLOAT16("BFloat16Storage", 2),
    DOUBLE("DoubleStorage", 8),
    OTHER("", 1);

    private final String storage;
    private final int bytes;

    ElementType(String storage, int bytes) {
        this.storage = storage;
        this.bytes = bytes;
    }

    static ElementType of(String storage) {
        for (ElementType type : values()) {
            if (type.storage.equals(storage)) {
                return type;
            }
        }
        return OTHER;
    }

    int bytes() {
        return bytes;
    }

    float read(ByteBuffer from, int index) {
        return switch (this) {
            // By bits: passing the value as a float could lose the payload of a NaN.
            case FLOAT -> Float.intBitsToFloat(from.getInt(index * 4));
            case HALF -> HalfFloats.fromF16(from.getShort(index * 2));
            case BFLOAT16 -> HalfFloats.fromBf16(from.getShort(index * 2));
            case DOUBLE -> (float) from.getDouble(index * 8);
            case OTHER -> throw new IllegalStateException(this + " is not a float");
        };
    }
}
