package org.sparklora.worker.safetensors;

/**
 * The two 16-bit float formats. Widening to float32 is exact. Java has these conversions from version 20 on
 * ({@code Float.float16ToFloat}); this project runs on 17.
 */
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

    /** The nearest bfloat16, ties to even, as PyTorch rounds. NaN stays NaN. */
    public static short toBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        boolean nan = (bits & 0x7FFFFFFF) > 0x7F800000;
        return (short) (nan ? 0x7FC0 : (bits + 0x7FFF + (bits >>> 16 & 1)) >>> 16);
    }

    /** The nearest binary16 of a double, ties to even: rounded once, where a float in between might round twice. */
    public static short toF16(double value) {
        double magnitude = Math.abs(value);
        if (!(magnitude < 0x1.0p16)) {
            return toF16((float) value);
        }
        // Adding a number whose last place is the one to round to makes the processor round there; subnormals share
        // one.
        double round = Math.scalb(1.0, Math.max(Math.getExponent(magnitude), -14) + 42);
        float rounded = (float) (magnitude + round - round);
        return toF16(Math.copySign(rounded, (float) value));
    }

    /** The nearest binary16, ties to even, as PyTorch rounds; infinite from 65,520 on. NaN stays NaN. */
    public static short toF16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        int magnitude = bits & 0x7FFFFFFF;
        if (magnitude >= 0x47800000) {
            // 65,536 and above, infinity, NaN.
            boolean nan = magnitude > 0x7F800000;
            return (short) (sign | 0x7C00 | (nan ? 0x200 : 0));
        }
        if (magnitude < 0x38800000) {
            // Subnormal: adding a half in this place makes the processor round to multiples of 2^-24.
            float shifted = Float.intBitsToFloat(magnitude) + 0.5f;
            return (short) (sign | (Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(0.5f)));
        }
        int rebiased = magnitude - 0x38000000;
        int rounded = rebiased + 0xFFF + ((rebiased >>> 13) & 1);
        return (short) (sign | rounded >>> 13);
    }
}
