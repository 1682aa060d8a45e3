package org.sparklora.worker.safetensors;

/** The two 16-bit float formats, widened to float32. Exact: every value of either is a float32. */
public final class HalfFloats {

    private static final float SMALLEST_SUBNORMAL = 0x1.0p-24f;

    private HalfFloats() {}

    /** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. NaN keeps its payload. */
    public static float fromF16(short bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = (bits >>> 10) & 0x1F;
        int fraction = bits & 0x3FF;
        if (exponent == 0) {
            // Zero or subnormal; the product is exact and the sign is set by bit, so that -0 stays -0.
            return Float.intBitsToFloat(sign | Float.floatToRawIntBits(fraction * SMALLEST_SUBNORMAL));
        }
        int wide = exponent == 0x1F ? 0xFF : exponent + 112;
        return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
    }

    /** bfloat16: the upper half of a float32. */
    public static float fromBf16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}
