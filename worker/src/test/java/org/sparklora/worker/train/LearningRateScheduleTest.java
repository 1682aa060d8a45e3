package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

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
}
