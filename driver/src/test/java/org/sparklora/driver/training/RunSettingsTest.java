package org.sparklora.driver.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.worker.train.LearningRateSchedule;

class RunSettingsTest {

    private static RunSettings settings(String... settings) {
        List<String> keys = new ArrayList<>(List.of(
                "model.path=m",
                "data.train.path=rows.csv",
                "lora.groups={top: {target_modules: [query]}}",
                "schedule.live=[top]"));
        keys.addAll(List.of(settings));
        return new RunSettings(JobFile.ofKeys("job", keys, "out"));
    }

    /** 3 epochs of 7 steps. */
    private static LearningRateSchedule schedule(String... settings) {
        RunSettings run = settings(settings);
        return run.learningRates(run.length(7));
    }

    @Test
    void aRunOfSoManyStepsHasSoManyEpochsAndItsScheduleEndsWithIt() {
        RunSettings run = settings("training.max_steps=15", "training.warmup_ratio=0.2");
        assertThat(run.length(7)).isEqualTo(new RunLength(3, 7, 15));
        assertThat(run.length(7).stepsIn(2)).isEqualTo(1);
        assertThat(run.learningRates(run.length(7)).warmupSteps()).isEqualTo(3);
        assertThat(run.learningRates(run.length(7)).factor(14)).isCloseTo(1.0 / 12, within(1e-12));
    }

    @Test
    void aShareOfAllStepsWarmsUpRoundedUpAsInTransformers() {
        assertThat(schedule("training.warmup_ratio=0.1").warmupSteps()).isEqualTo(3);
        assertThat(schedule("training.warmup_steps=5").warmupSteps()).isEqualTo(5);
        assertThat(schedule().warmupSteps()).isZero();
        assertThat(schedule("training.warmup_ratio=0.1").factor(1)).isCloseTo(1.0 / 3, within(1e-12));
    }

    @Test
    void aPolynomialEndsAtTransformersLastRate() {
        LearningRateSchedule schedule =
                schedule("training.lr_scheduler_type=polynomial", "training.learning_rate=0.001");
        assertThat(schedule.factor(21)).isCloseTo(1e-4, within(1e-12));
        assertThat(schedule.factor(22)).isCloseTo(1e-4, within(1e-12));
    }
}
