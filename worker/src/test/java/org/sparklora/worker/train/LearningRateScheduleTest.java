package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Values of transformers' get_linear/constant/cosine_schedule_with_warmup, worked out by hand. */
class LearningRateScheduleTest {

    private static final Offset<Double> CLOSE = Offset.offset(1e-12);

    @Test
    void warmupRisesFromZero() {
        for (LearningRateSchedule.Type type : LearningRateSchedule.Type.values()) {
            LearningRateSchedule schedule = new LearningRateSchedule(type, 4, 12);
            assertThat(schedule.factor(0)).isZero();
            assertThat(schedule.factor(3)).isCloseTo(0.75, CLOSE);
            assertThat(schedule.factor(4)).isCloseTo(1.0, CLOSE);
        }
    }

    @Test
    void linearFallsToZeroAtTheTotal() {
        LearningRateSchedule schedule = new LearningRateSchedule(LearningRateSchedule.Type.LINEAR, 2, 10);
        assertThat(schedule.factor(6)).isCloseTo(0.5, CLOSE);
        assertThat(schedule.factor(10)).isZero();
        assertThat(schedule.factor(11)).isZero();
    }

    @Test
    void cosineIsHalfwayInTheMiddle() {
        LearningRateSchedule schedule = new LearningRateSchedule(LearningRateSchedule.Type.COSINE, 0, 8);
        assertThat(schedule.factor(0)).isCloseTo(1.0, CLOSE);
        assertThat(schedule.factor(2)).isCloseTo(0.5 * (1 + Math.sqrt(0.5)), CLOSE);
        assertThat(schedule.factor(4)).isCloseTo(0.5, CLOSE);
        assertThat(schedule.factor(8)).isCloseTo(0.0, CLOSE);
    }

    @Test
    void constantStays() {
        assertThat(new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 3).factor(1000))
                .isEqualTo(1.0);
    }

    /** Values of transformers 5.18, get_scheduler with a learning rate of 5e-4, at steps 0, 1, 3, 4, 7, 11, 12 and 13. */
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "COSINE_WITH_RESTARTS; 3; 0, 0.3333333333333333, 1, 0.9698463103929542, 0.5868240888334653, 0.03015368960704584, 0, 0",
                "POLYNOMIAL; 3; 0, 0.3333333333333333, 1, 0.8889111111111111, 0.5556444444444446, 0.11128888888888896, 0.0002, 0.0002",
                "CONSTANT_WITH_WARMUP; 3; 0, 0.3333333333333333, 1, 1, 1, 1, 1, 1",
                "INVERSE_SQRT; 3; 0, 0.3333333333333333, 1, 0.8660254037844387, 0.6546536707079771, 0.5222329678670935, 0.5, 0.4803844614152614",
                "INVERSE_SQRT; 0; 1, 0.9999500037496877, 0.9998500337415648, 0.9998000599800071, 0.9996501836428782, 0.9994504533344625, 0.9994005394605663, 0.9993506330642176"
            })
    void transformersValues(LearningRateSchedule.Type type, int warmup, String values) {
        LearningRateSchedule schedule = new LearningRateSchedule(type, warmup, 12, 1e-7 / 5e-4);
        long[] steps = {0, 1, 3, 4, 7, 11, 12, 13};
        String[] expected = values.split(", ");
        for (int i = 0; i < steps.length; i++) {
            assertThat(schedule.factor(steps[i]))
                    .as("step %d", steps[i])
                    .isCloseTo(Double.parseDouble(expected[i]), CLOSE);
        }
    }
}
