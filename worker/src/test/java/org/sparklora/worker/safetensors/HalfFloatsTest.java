package org.sparklora.worker.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class HalfFloatsTest {

    @Test
    void everyF16HasTheValueOfTheDefinition() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            double sign = bits < 0x8000 ? 1 : -1;
            int exponent = bits / 1024 % 32;
            double fraction = bits % 1024 / 1024.0;
            double expected;
            if (exponent == 31) {
                expected = fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
            } else if (exponent == 0) {
                expected = sign * StrictMath.pow(2, -14) * fraction;
            } else {
                expected = sign * StrictMath.pow(2, exponent - 15) * (1 + fraction);
            }
            // Double.compare tells -0 from 0.
            assertThat(Double.compare(HalfFloats.fromF16((short) bits), expected))
                    .as("0x%04x", bits)
                    .isZero();
        }
    }

    @Test
    void everyBf16HasTheValueOfTheDefinition() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            double sign = bits < 0x8000 ? 1 : -1;
            int exponent = bits / 128 % 256;
            double fraction = bits % 128 / 128.0;
            double expected;
            if (exponent == 255) {
                expected = fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
            } else if (exponent == 0) {
                expected = sign * StrictMath.pow(2, -126) * fraction;
            } else {
                expected = sign * StrictMath.pow(2, exponent - 127) * (1 + fraction);
            }
            assertThat(Double.compare(HalfFloats.fromBf16((short) bits), expected))
                    .as("0x%04x", bits)
                    .isZero();
        }
    }

    @Test
    void nanKeepsSignAndPayload() {
        assertThat(Float.floatToRawIntBits(HalfFloats.fromF16((short) 0xFE01))).isEqualTo(0xFFC02000);
        assertThat(Float.floatToRawIntBits(HalfFloats.fromBf16((short) 0x7FC1))).isEqualTo(0x7FC10000);
    }

    @Test
    void aDoubleIsRoundedOnceAndToEven() {
        for (int bits = 0; bits < 0x7BFF; bits++) {
            double low = HalfFloats.fromF16((short) bits);
            double high = HalfFloats.fromF16((short) (bits + 1));
            double middle = (low + high) / 2;
            int even = bits + bits % 2;
            assertThat(HalfFloats.toF16(low)).isEqualTo((short) bits);
            assertThat(HalfFloats.toF16(-low)).isEqualTo((short) (bits | 0x8000));
            assertThat(HalfFloats.toF16(middle)).as("0x%04x", bits).isEqualTo((short) even);
            // A float in between would take these two for the middle.
            assertThat(HalfFloats.toF16(Math.nextUp(middle))).isEqualTo((short) (bits + 1));
            assertThat(HalfFloats.toF16(Math.nextDown(middle))).isEqualTo((short) bits);
        }
        assertThat(HalfFloats.toF16(65519.999)).isEqualTo((short) 0x7BFF);
        assertThat(HalfFloats.toF16(65520.0)).isEqualTo((short) 0x7C00);
        assertThat(HalfFloats.toF16(-1e300)).isEqualTo((short) 0xFC00);
        assertThat(HalfFloats.toF16(-0.0)).isEqualTo((short) 0x8000);
        assertThat(Float.isNaN(HalfFloats.fromF16(HalfFloats.toF16(Double.NaN))))
                .isTrue();
    }

    @Test
    void everyF16ComesBack() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = HalfFloats.fromF16((short) bits);
            if (Float.isNaN(value)) {
                assertThat(HalfFloats.fromF16(HalfFloats.toF16(value))).isNaN();
            } else {
                assertThat(HalfFloats.toF16(value)).as("0x%04x", bits).isEqualTo((short) bits);
            }
        }
    }

    @Test
    void whatLiesBetweenTwoF16GoesToTheNearerAndFromTheMiddleToTheEvenOne() {
        for (int bits = 0; bits < 0x7C00; bits++) {
            float low = HalfFloats.fromF16((short) bits);
            float high = bits == 0x7BFF ? 65_536f : HalfFloats.fromF16((short) (bits + 1));
            float middle = (low + high) / 2;
            short even = (short) (bits % 2 == 0 ? bits : bits + 1);
            assertThat(HalfFloats.toF16(middle)).as("0x%04x", bits).isEqualTo(even);
            assertThat(HalfFloats.toF16(Math.nextDown(middle))).isEqualTo((short) bits);
            assertThat(HalfFloats.toF16(-Math.nextUp(middle))).isEqualTo((short) (0x8000 | (bits + 1)));
        }
        assertThat(HalfFloats.toF16(1e30f)).isEqualTo((short) 0x7C00);
    }

    /** Expected: torch.tensor(x).to(torch.bfloat16).float() of PyTorch 2.13. */
    @Test
    void bfloat16RoundsToNearestEven() {
        float[] exact = {0f, -0f, 1f, -2.5f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0x1.fep127f};
        for (float value : exact) {
            assertThat(HalfFloats.fromBf16(HalfFloats.toBf16(value))).isEqualTo(value);
        }
        assertThat(HalfFloats.fromBf16(HalfFloats.toBf16(Float.NaN))).isNaN();
        assertThat(HalfFloats.fromBf16(HalfFloats.toBf16(1.0039062f)))
                .as("half way, even below")
                .isEqualTo(1f);
        assertThat(HalfFloats.fromBf16(HalfFloats.toBf16(1.0117188f)))
                .as("half way, even above")
                .isEqualTo(1.015625f);
        assertThat(HalfFloats.fromBf16(HalfFloats.toBf16(3.1415927f))).isEqualTo(3.140625f);
        assertThat(HalfFloats.fromBf16(HalfFloats.toBf16(Float.MAX_VALUE))).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(HalfFloats.fromBf16(HalfFloats.toBf16(1e-40f))).isEqualTo(9.18355e-41f, within(1.4E-45f));
    }
}
