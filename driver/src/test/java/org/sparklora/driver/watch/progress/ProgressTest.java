package org.sparklora.driver.watch.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.run.history.SteppingClock;
import org.sparklora.driver.watch.progress.Progress.Snapshot;
import org.sparklora.driver.watch.progress.Progress.StepStats;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

class ProgressTest {

    private static final FreezeState BOTH = FreezeState.of(Map.of("top", GroupState.LIVE, "bottom", GroupState.LIVE));
    private static final Position AT = new Position(2, 6, 126, 378);

    @Test
    void aStepLine() {
        assertThat(step(0.42113, 218.4, Optional.of(Duration.ofSeconds(72))))
                .isEqualTo("epoch 2/6 step 126/378 loss 0.4211 218 examples/s 1m 12s left · live bottom top");
        assertThat(step(Double.NaN, 0.52, Optional.empty()))
                .isEqualTo("epoch 2/6 step 126/378 loss NaN 0.5 examples/s · live bottom top");
    }

    @Test
    void durationsAreShort() {
        assertThat(left(Duration.ofMillis(59_400))).contains(" 59s left ");
        assertThat(left(Duration.ofMillis(59_600))).contains(" 1m 00s left ");
        assertThat(left(Duration.ofSeconds(3 * 3600 + 5 * 60 + 59))).contains(" 3h 05m left ");
        assertThat(left(Duration.ZERO)).contains(" 0s left ");
    }

    @Test
    void theStatesOfTheGroups() {
        assertThat(ProgressLine.epochStart(AT, BOTH, 3106))
                .isEqualTo("epoch 2/6 starts · live bottom top · 3,106 trainable parameters, 12,424 bytes per step");
        FreezeState mixed = FreezeState.of(
                Map.of("a", GroupState.LIVE, "b", GroupState.FROZEN, "c", GroupState.DORMANT, "d", GroupState.DORMANT));
        assertThat(ProgressLine.epochStart(AT, mixed, 3106))
                .startsWith("epoch 2/6 starts · live a · frozen b · dormant c d · ");
        assertThat(ProgressLine.epochStart(AT, FreezeState.of(Map.of("c", GroupState.DORMANT)), 3106))
                .startsWith("epoch 2/6 starts · live head only · dormant c · ");
        assertThat(ProgressLine.epochStart(AT, FreezeState.of(Map.of()), 3106))
                .startsWith("epoch 2/6 starts · live head only · 3,106");
    }

    @Test
    void aGroupChangeSaysWhy() {
        assertThat(ProgressLine.groupChange(AT, GroupChange.THAW, "bottom", "schedule.events[0]: thaw before epoch 2"))
                .isEqualTo("epoch 2/6 thaw bottom (schedule.events[0]: thaw before epoch 2)");
    }

    @Test
    void anEpochsSummary() {
        assertThat(ProgressLine.epochSummary(
                        AT, Duration.ofSeconds(41), 0.42113, 0.0312, Map.of("loss", 0.27119f, "accuracy", 0.912)))
                .isEqualTo("epoch 2/6 done in 41s loss 0.4211 padding 3.1% · validation accuracy 0.9120 loss 0.2712");
        assertThat(ProgressLine.epochSummary(AT, Duration.ofSeconds(41), 0.5, 0, Map.of()))
                .isEqualTo("epoch 2/6 done in 41s loss 0.5000 padding 0.0%");
    }

    /** Filling the cache happens once and says nothing about the speed of steps. */
    @Test
    void timeLeftDoesNotIncludeTheTimeToFillTheCache() {
        SteppingClock clock = new SteppingClock();
        List<String> lines = new ArrayList<>();
        Progress progress = progress(clock, Duration.ZERO, lines);
        progress.epochStart(new Position(0, 2, 0, 12), BOTH, 10);
        clock.advance(Duration.ofSeconds(100));
        progress.cached("cached");
        clock.advance(Duration.ofSeconds(2));
        progress.step(new Position(0, 2, 1, 12), 0.5, 1.5, 32);
        assertThat(lines.get(lines.size() - 1)).contains("step 1/12").contains(" 16 examples/s 22s left");
        progress.epochEnd(new Position(0, 2, 6, 12), 0.5, 0, Map.of());
        assertThat(lines.get(lines.size() - 1)).startsWith("epoch 0/2 done in 1m 42s ");
    }

    @Test
    void stepLinesRespectTheIntervalAndEpochLinesAlwaysAppear() {
        SteppingClock clock = new SteppingClock();
        List<String> lines = new ArrayList<>();
        Progress progress = progress(clock, Duration.ofSeconds(5), lines);
        for (int epoch = 0; epoch < 2; epoch++) {
            progress.epochStart(new Position(epoch, 2, epoch * 6, 12), BOTH, 10);
            for (int i = 1; i <= 6; i++) {
                clock.advance(Duration.ofSeconds(2));
                progress.step(new Position(epoch, 2, epoch * 6 + i, 12), 0.5, 1.5, 32);
            }
            progress.epochEnd(new Position(epoch, 2, epoch * 6 + 6, 12), 0.5, 0, Map.of());
        }
        assertThat(lines)
                .containsExactly(
                        "epoch 0/2 starts · live bottom top · 10 trainable parameters, 40 bytes per step",
                        "epoch 0/2 step 3/12 loss 0.5000 16 examples/s 18s left · live bottom top",
                        "epoch 0/2 step 6/12 loss 0.5000 16 examples/s 12s left · live bottom top",
                        "epoch 0/2 done in 12s loss 0.5000 padding 0.0%",
                        "epoch 1/2 starts · live bottom top · 10 trainable parameters, 40 bytes per step",
                        "epoch 1/2 step 9/12 loss 0.5000 16 examples/s 6s left · live bottom top",
                        "epoch 1/2 step 12/12 loss 0.5000 16 examples/s 0s left · live bottom top",
                        "epoch 1/2 done in 12s loss 0.5000 padding 0.0%");
    }

    @Test
    void aClockThatDoesNotAdvanceGivesNoRate() {
        SteppingClock clock = new SteppingClock();
        List<String> lines = new ArrayList<>();
        Progress progress = progress(clock, Duration.ZERO, lines);
        progress.step(new Position(0, 1, 0, 4), 0.5, 1.5, 32);
        progress.step(new Position(0, 1, 1, 4), 0.5, 1.5, 32);
        assertThat(lines)
                .containsExactly(
                        "epoch 0/1 step 0/4 loss 0.5000 0.0 examples/s · live head only",
                        "epoch 0/1 step 1/4 loss 0.5000 0.0 examples/s 0s left · live head only");
    }

    @Test
    void aRunningSegmentIsShownAndItsExamplesCountOnce() {
        SteppingClock clock = new SteppingClock();
        List<String> lines = new ArrayList<>();
        Progress progress = new Progress(clock, screen(Duration.ofSeconds(2), lines));
        progress.epochStart(new Position(1, 2, 6, 12), BOTH, 10);
        for (int i = 1; i <= 3; i++) {
            clock.advance(Duration.ofSeconds(2));
            progress.underWay(new Position(1, 2, 6 + i, 12), 0.5, 1.5, 32L * i);
        }
        progress.step(new Position(1, 2, 9, 12), 0.25, 2.5, 96);
        // A failed segment starts again at its first step.
        clock.advance(Duration.ofSeconds(2));
        progress.underWay(new Position(1, 2, 10, 12), 0.5, 1.5, 32);
        assertThat(lines)
                .containsExactly(
                        "epoch 1/2 starts · live bottom top · 10 trainable parameters, 40 bytes per step",
                        "epoch 1/2 step 7/12 loss 0.5000 16 examples/s 10s left · live bottom top",
                        "epoch 1/2 step 8/12 loss 0.5000 16 examples/s 8s left · live bottom top",
                        "epoch 1/2 step 9/12 loss 0.5000 16 examples/s 6s left · live bottom top",
                        "epoch 1/2 step 10/12 loss 0.5000 16 examples/s 4s left · live bottom top");
        assertThat(progress.snapshot().trainableParameters()).isEqualTo(10);
        assertThat(progress.snapshot().stats().gradNorm()).isEqualTo(1.5);
    }

    @Test
    void aGroupThatChangesWithinAnEpochIsShownInItsNewState() {
        SteppingClock clock = new SteppingClock();
        List<String> lines = new ArrayList<>();
        Progress progress = progress(clock, Duration.ZERO, lines);
        progress.epochStart(new Position(0, 1, 0, 4), BOTH, 10);
        progress.groupChange(new Position(0, 1, 2, 4), GroupChange.FREEZE, "top", "because");
        progress.step(new Position(0, 1, 3, 4), 0.5, 1.5, 8);
        assertThat(lines.get(2)).endsWith("· live bottom · frozen top");
    }

    private static Progress progress(SteppingClock clock, Duration interval, List<String> lines) {
        return new Progress(clock, screen(interval, lines));
    }

    private static Progress.Screen screen(Duration interval, List<String> lines) {
        return new Progress.Screen() {
            @Override
            public void line(String text) {
                lines.add(text);
            }

            @Override
            public void status(String text) {
                lines.add(text);
            }

            @Override
            public Duration interval() {
                return interval;
            }
        };
    }

    private static String step(double loss, double rate, Optional<Duration> left) {
        return ProgressLine.step(new Snapshot(AT, BOTH, 0, new StepStats(loss, Double.NaN, rate, left)));
    }

    private static String left(Duration left) {
        return step(0.5, 100, Optional.of(left));
    }
}
