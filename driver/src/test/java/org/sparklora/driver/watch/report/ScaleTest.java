package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ScaleTest {

    @Test
    void valuesLieBetweenRoundNumbers() {
        Scale scale = Scale.around(0.812, 0.958);
        assertThat(scale).isEqualTo(new Scale(0.8, 1.0, false));
        assertThat(scale.at(0.9)).isCloseTo(0.5, within(1e-12));
        assertThat(scale.ticks(4)).hasSize(5);
        assertThat(scale.ticks(4).get(1)).isCloseTo(0.85, within(1e-12));
    }

    @Test
    void nonNegativeValuesHaveNoNegativeAxis() {
        assertThat(Scale.around(0, 3).from()).isZero();
        assertThat(Scale.around(-0.5, 3).from()).isEqualTo(-1);
    }

    @Test
    void aSingleValueHasSpaceAroundIt() {
        for (double value : new double[] {0, 5, -2, 1e-12, 3e30}) {
            Scale scale = Scale.around(value, value);
            assertThat(scale.from()).as("%s", value).isLessThanOrEqualTo(value);
            assertThat(scale.to()).as("%s", value).isGreaterThan(value);
        }
    }

    @Test
    void aWideRangeHasALogarithmicAxis() {
        Scale scale = Scale.wide(0.02, 1.6);
        assertThat(scale).isEqualTo(new Scale(0.01, 10, true));
        assertThat(scale.at(0.1)).isCloseTo(1 / 3.0, within(1e-9));
        assertThat(scale.at(0)).isZero();
        assertThat(scale.ticks(4)).containsExactly(0.01, 0.1, 1.0, 10.0);
        assertThat(Scale.wide(1e-9, 1e9).ticks(4)).hasSizeLessThanOrEqualTo(5);
        assertThat(Scale.wide(0.5, 1.6).logarithmic()).isFalse();
    }

    @Test
    void ticksOfEpochsAreWholeNumbers() {
        assertThat(Scale.exact(0, 2).wholeTicks(5)).containsExactly(0.0, 1.0, 2.0);
        assertThat(Scale.exact(0, 99_999).wholeTicks(5)).containsExactly(0.0, 20_000.0, 40_000.0, 60_000.0, 80_000.0);
        assertThat(Scale.exact(0, 0).to()).isEqualTo(1);
    }

    @Test
    void withoutValuesThereIsADefaultAxis() {
        assertThat(Scale.around(Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY))
                .isEqualTo(new Scale(0, 1, false));
        assertThatThrownBy(() -> new Scale(0, 1, true)).hasMessageContaining("logarithmic");
    }
}
