package org.sparklora.worker.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.train.AdamW;
import org.sparklora.worker.train.LearningRateSchedule;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;

class SegmentProgressTest {

    private static List<StepProgress> told(int steps) {
        SegmentPlan plan = new SegmentPlan(
                new SegmentPlan.Steps(3, 3 + steps, 100),
                new OptimizerSettings(
                        0.1,
                        new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 1),
                        new AdamW(0.9, 0.999, 1e-8, 0),
                        OptionalDouble.empty()),
                7,
                new Rendezvous("here", Duration.ofSeconds(1)),
                Duration.ofSeconds(1));
        List<StepProgress> told = new ArrayList<>();
        SegmentProgress news = new SegmentProgress(plan, told::add);
        for (int i = 0; i < steps; i++) {
            news.done(new StepReport(103 + i, i, new StepReport.Rows(8, 8, Padding.NONE), 2f * i, new TreeMap<>()));
        }
        return told;
    }

    @Test
    void everyStepOfAShortSegmentIsTold() {
        assertThat(told(3))
                .containsExactly(
                        new StepProgress("here", 103, 0, 0, 8),
                        new StepProgress("here", 104, 1, 2, 16),
                        new StepProgress("here", 105, 2, 4, 24));
    }

    @Test
    void aLongSegmentHasNoMoreMessagesThanItMay() {
        assertThat(told(SegmentProgress.MAX_MESSAGES)).hasSize(SegmentProgress.MAX_MESSAGES);
        for (int steps : new int[] {257, 512, 513, 100_000}) {
            List<StepProgress> told = told(steps);
            assertThat(told).hasSizeBetween(SegmentProgress.MAX_MESSAGES / 2, SegmentProgress.MAX_MESSAGES);
            // The examples of the steps in between are not lost.
            StepProgress last = told.get(told.size() - 1);
            assertThat(last.examples()).isEqualTo(8 * (last.step() - 102));
        }
    }

    @Test
    void aMessageReadsBackAndWhatIsNoneDoesNot() {
        StepProgress step = new StepProgress("here", 5_000_000_000L, 0.1f, Float.NaN, 12);
        assertThat(StepProgress.of(step.message())).contains(step);
        assertThat(StepProgress.of("text")).isEmpty();
        assertThat(StepProgress.of(new Object[] {"here", 1, 0.1f, 0.1f, 1L})).isEmpty();
    }
}
