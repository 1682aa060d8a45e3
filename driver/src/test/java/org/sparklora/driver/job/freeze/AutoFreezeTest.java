package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.sparklora.worker.contract.GroupState.FROZEN;
import static org.sparklora.worker.contract.GroupState.LIVE;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.text.Facts;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

class AutoFreezeTest {

    private static final List<String> GROUPS = List.of("top", "middle", "low", "bottom");
    private static final Set<String> DECLARED = Set.of("top", "middle", "low", "bottom", "side");

    /** Ratios of epoch 1: 1, 0.5, 0.25, 0.125. Of epoch 2: 0.25, 0.5. Of epoch 3: 1, 0.25. */
    private static final List<EpochMetrics> RECORDED = Histories.norms(List.of(
            Map.of("top", 1.0, "middle", 2.0, "low", 4.0, "bottom", 8.0, "head", 9.0),
            Map.of("top", 2.0, "middle", 1.0, "low", 3.0, "bottom", 9.0, "head", 9.0),
            Map.of("top", 2.5, "middle", 0.5, "head", 9.0),
            Map.of("top", 5.0, "middle", 0.625, "head", 9.0),
            Map.of("top", 5.0, "head", 9.0)));

    private static AutoFreeze policy(double percentile, int window) {
        return new AutoFreeze(GROUPS, GROUPS, percentile, window);
    }

    private static List<String> moves(AutoFreeze policy, List<EpochMetrics> seen) {
        return Histories.moves(policy, policy.initial(DECLARED, Set.of()), seen, seen.size() + 1, 10);
    }

    private static List<String> movesOfTwoEpochs(
            AutoFreeze policy, Map<String, Double> first, Map<String, Double> then) {
        return moves(policy, Histories.norms(List.of(first, then)));
    }

    @Test
    void groupsFreezeFromTheBottomUpWhileTheirGradientHasSettled() {
        AutoFreeze policy = policy(50, 1);
        assertThat(policy.problems()).isEmpty();
        assertThat(policy.needsMetrics()).isTrue();
        assertThat(moves(policy, RECORDED))
                .containsExactly("epoch 2: bottom frozen", "epoch 2: low frozen", "epoch 4: middle frozen");
    }

    @Test
    void eachFreezeSaysWhy() {
        AutoFreeze policy = policy(50, 1);
        FreezeDecision decision =
                policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(2, 0, 10), RECORDED.subList(0, 2));
        assertThat(decision.transitions())
                .containsExactly(
                        new Transition(
                                "bottom",
                                LIVE,
                                FROZEN,
                                OptimizerStateOnThaw.KEEP,
                                "autofreeze: gradient norm of 'bottom' changed by ratio 0.125 in epochs 0 to 1, below 0.375, percentile 50.0 of 4 live groups; freeze 'bottom'"),
                        new Transition(
                                "low",
                                LIVE,
                                FROZEN,
                                OptimizerStateOnThaw.KEEP,
                                "autofreeze: gradient norm of 'low' changed by ratio 0.25 in epochs 0 to 1, below 0.375, percentile 50.0 of 4 live groups; freeze 'low'"));
    }

    @Test
    void aRestlessGroupKeepsThoseAboveItLive() {
        assertThat(movesOfTwoEpochs(
                        policy(50, 1),
                        Map.of("top", 1.0, "middle", 2.0, "low", 4.0, "bottom", 8.0),
                        Map.of("top", 2.0, "middle", 2.0, "low", 4.0, "bottom", 1.0)))
                .isEmpty();
    }

    @Test
    void thePercentileIsBetweenTwoRatiosByStraightLine() {
        Map<String, Double> ones = Map.of("top", 1.0, "middle", 1.0, "low", 1.0, "bottom", 1.0);
        Map<String, Double> then = Map.of("top", 9.0, "middle", 5.0, "low", 3.0, "bottom", 2.0);
        // Ratios 8, 4, 2, 1. Percentile 20 lies at 1.6, 34 just above 2, 70 at 4.4, 100 at 8.
        assertThat(movesOfTwoEpochs(policy(20, 1), ones, then)).containsExactly("epoch 2: bottom frozen");
        assertThat(movesOfTwoEpochs(policy(34, 1), ones, then))
                .containsExactly("epoch 2: bottom frozen", "epoch 2: low frozen");
        assertThat(movesOfTwoEpochs(policy(100, 1), ones, then))
                .containsExactly("epoch 2: bottom frozen", "epoch 2: low frozen", "epoch 2: middle frozen");
    }

    @Test
    void theLastLiveGroupNeverFreezes() {
        Map<String, Double> ones = Map.of("top", 1.0, "middle", 1.0, "low", 1.0, "bottom", 1.0);
        // The top group has settled most, and no percentile freezes it.
        assertThat(movesOfTwoEpochs(policy(100, 1), ones, Map.of("top", 1.0, "middle", 3.0, "low", 4.0, "bottom", 2.0)))
                .containsExactly("epoch 2: bottom frozen");
        AutoFreeze one = new AutoFreeze(List.of("low"), List.of("low"), 100, 1);
        assertThat(Histories.moves(one, one.initial(DECLARED, Set.of()), Histories.norms(List.of(ones, ones)), 3, 10))
                .isEmpty();
    }

    @Test
    void aWindowAveragesRatios() {
        List<EpochMetrics> seen = Histories.norms(List.of(
                Map.of("top", 1.0, "middle", 1.0, "low", 1.0, "bottom", 1.0),
                Map.of("top", 2.0, "middle", 2.0, "low", 1.0, "bottom", 4.0),
                Map.of("top", 4.0, "middle", 4.0, "low", 2.0, "bottom", 4.0)));
        // Ratios of epoch 1: 1, 1, 0, 3. Of epoch 2: 1, 1, 1, 0. Their means: 1, 1, 0.5, 1.5.
        assertThat(moves(policy(50, 1), seen)).containsExactly("epoch 3: bottom frozen");
        assertThat(moves(policy(50, 2), seen)).isEmpty();
        List<EpochMetrics> settled = Histories.norms(List.of(
                Map.of("top", 1.0, "middle", 1.0, "low", 1.0, "bottom", 1.0),
                Map.of("top", 2.0, "middle", 2.0, "low", 2.0, "bottom", 1.0),
                Map.of("top", 4.0, "middle", 4.0, "low", 4.0, "bottom", 1.5)));
        AutoFreeze two = policy(50, 2);
        assertThat(two.next(two.initial(DECLARED, Set.of()), StepPosition.of(3, 0, 10), settled)
                        .reason())
                .isEqualTo(
                        "autofreeze: gradient norm of 'bottom' changed by ratio 0.25 in epochs 0 to 2, below 1.0, percentile 50.0 of 4 live groups; freeze 'bottom'");
    }

    @Test
    void aGroupWithoutAnyGradientHasSettledAndOneThatGetsItsFirstHasNot() {
        assertThat(movesOfTwoEpochs(
                        policy(50, 1),
                        Map.of("top", 1.0, "middle", 1.0, "low", 0.0, "bottom", 0.0),
                        Map.of("top", 2.0, "middle", 2.0, "low", 0.5, "bottom", 0.0)))
                .containsExactly("epoch 2: bottom frozen");
        // Ratios 0, infinite, infinite, 0.5: the percentile between two infinite ones is infinite.
        assertThat(movesOfTwoEpochs(
                        policy(90, 1),
                        Map.of("top", 1.0, "middle", 0.0, "low", 0.0, "bottom", 1.0),
                        Map.of("top", 1.0, "middle", 1.0, "low", 1.0, "bottom", 1.5)))
                .containsExactly("epoch 2: bottom frozen");
    }

    @Test
    void equalRatiosFreezeNothing() {
        Map<String, Double> same = Map.of("top", 1.0, "middle", 1.0, "low", 1.0, "bottom", 1.0);
        assertThat(movesOfTwoEpochs(policy(50, 1), same, same)).isEmpty();
    }

    @Test
    void nothingChangesWithinAnEpoch() {
        AutoFreeze policy = policy(50, 1);
        assertThat(policy.decisionSteps(2, 10)).isEmpty();
        assertThat(policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(2, 3, 10), RECORDED.subList(0, 2))
                        .reason())
                .isEqualTo("no change");
    }

    @Test
    void needsTheNormsOfEachEpoch() {
        AutoFreeze policy = policy(50, 1);
        FreezeState start = policy.initial(DECLARED, Set.of());
        assertThatThrownBy(() -> policy.next(start, StepPosition.of(2, 0, 10), List.of()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("before epoch 2");
        assertThatThrownBy(() -> policy.next(start, StepPosition.of(3, 0, 10), RECORDED.subList(0, 3)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'low'")
                .hasMessageContaining("epoch 2")
                .hasMessageContaining("[head, middle, top]");
    }

    @Test
    void tellsWhenGroupsMayFreeze() {
        AutoFreeze policy = policy(50, 1);
        // Of 4 groups 2 may be below the median, of 2 groups 1.
        assertThat(policy.atTheEarliest()).isEqualTo(freezing(freeze(2, "low", "bottom"), freeze(3, "middle")));
        assertThat(policy(10, 3).atTheEarliest())
                .isEqualTo(freezing(freeze(4, "bottom"), freeze(5, "low"), freeze(6, "middle")));
        assertThat(policy(100, 1).atTheEarliest()).isEqualTo(freezing(freeze(2, "middle", "low", "bottom")));
        assertThat(policy.atTheLatest()).isEqualTo(freezing());
        assertThat(policy.mayEndBefore()).isEmpty();
    }

    private static EpochSchedule freezing(EpochSchedule.Event... events) {
        return new EpochSchedule(policy(50, 1).live(), List.of(events));
    }

    private static EpochSchedule.Event freeze(int epoch, String... groups) {
        return EpochSchedule.Event.freeze(epoch, List.of(groups));
    }

    @Test
    void refusesWhatCannotRun() {
        AutoFreeze policy = new AutoFreeze(List.of("top", "side"), List.of("top", "low", "nether"), 50, 1);
        assertThat(policy.problems())
                .satisfiesExactly(
                        Facts.line("schedule.live", "'low'", "schedule.groups"),
                        Facts.line("schedule.live", "'nether'"));
        assertThatThrownBy(() -> policy(0, 0))
                .hasMessageContaining("percentile=0.0")
                .hasMessageContaining("window=0");
    }
}
