package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.sparklora.worker.contract.GroupState.DORMANT;
import static org.sparklora.worker.contract.GroupState.FROZEN;
import static org.sparklora.worker.contract.GroupState.LIVE;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.Lisa.Draw;
import org.sparklora.driver.job.text.Facts;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

class LisaTest {

    private static final List<String> GROUPS = List.of("a", "b", "c", "d", "e");
    private static final Set<String> DECLARED = Set.of("a", "b", "c", "d", "e", "side");

    private static Lisa lisa(int sample, int period) {
        return lisa(sample, period, new TreeMap<>(), 42);
    }

    private static Lisa lisa(int sample, int period, SortedMap<String, Double> weights, long seed) {
        return new Lisa(List.of("side"), GROUPS, new Draw(sample, period, weights), OptimizerStateOnThaw.FRESH, seed);
    }

    private static List<List<String>> draws(Lisa lisa, int count) {
        List<List<String>> draws = new ArrayList<>();
        for (int period = 0; period < count; period++) {
            draws.add(lisa.drawn(period));
        }
        return draws;
    }

    /** The expected draws come from a program of its own, in another language. */
    @Test
    void drawsByTheSeedAndTheNumberOfTheDraw() {
        assertThat(draws(lisa(2, 20), 12))
                .containsExactly(
                        List.of("a", "c"),
                        List.of("d", "e"),
                        List.of("a", "b"),
                        List.of("a", "b"),
                        List.of("a", "b"),
                        List.of("d", "e"),
                        List.of("b", "c"),
                        List.of("a", "b"),
                        List.of("a", "b"),
                        List.of("b", "d"),
                        List.of("c", "e"),
                        List.of("a", "d"));
        assertThat(draws(lisa(2, 1, new TreeMap<>(), 7), 4))
                .containsExactly(List.of("b", "c"), List.of("a", "d"), List.of("a", "b"), List.of("b", "e"));
        assertThat(draws(lisa(1, 20, new TreeMap<>(Map.of("a", 8.0)), 42), 4))
                .containsExactly(List.of("a"), List.of("d"), List.of("a"), List.of("a"));
        assertThat(lisa(5, 20).drawn(0)).isEqualTo(GROUPS);
    }

    @Test
    void drawsEachGroupAsOftenAsItsWeightSays() {
        Map<String, Integer> even = new TreeMap<>();
        Map<String, Integer> weighted = new TreeMap<>();
        Lisa four = lisa(1, 20, new TreeMap<>(Map.of("a", 4.0)), 42);
        for (int period = 0; period < 20_000; period++) {
            lisa(2, 20).drawn(period).forEach(group -> even.merge(group, 1, Integer::sum));
            four.drawn(period).forEach(group -> weighted.merge(group, 1, Integer::sum));
        }
        // 2 of 5 groups; weight 4 of 8, and 1 of 8; within four standard deviations.
        GROUPS.forEach(group -> assertThat(even.get(group)).isCloseTo(8_000, within(277)));
        assertThat(weighted.get("a")).isCloseTo(10_000, within(283));
        assertThat(weighted.get("e")).isCloseTo(2_500, within(187));
    }

    /** 5 steps an epoch and 4 a period: draws before steps 0, 4, 8 and 12. */
    @Test
    void theGroupsOfADrawAreLiveUntilTheNext() {
        Lisa lisa = lisa(2, 4);
        assertThat(lisa.problems()).isEmpty();
        assertThat(lisa.needsMetrics()).isFalse();
        assertThat(Histories.moves(lisa, lisa.initial(DECLARED, Set.of()), List.of(), 3, 5))
                .containsExactly(
                        "epoch 0: a live",
                        "epoch 0: c live",
                        "step 4 of epoch 0: a frozen",
                        "step 4 of epoch 0: c frozen",
                        "step 4 of epoch 0: d live",
                        "step 4 of epoch 0: e live",
                        "step 3 of epoch 1: d frozen",
                        "step 3 of epoch 1: e frozen",
                        "step 3 of epoch 1: a live",
                        "step 3 of epoch 1: b live");
    }

    @Test
    void eachMoveSaysWhy() {
        Lisa lisa = lisa(2, 4);
        FreezeState start = lisa.initial(DECLARED, Set.of());
        FreezeDecision first = lisa.next(start, StepPosition.of(0, 0, 5), List.of());
        assertThat(first.transitions())
                .containsExactly(
                        new Transition(
                                "a",
                                DORMANT,
                                LIVE,
                                OptimizerStateOnThaw.FRESH,
                                "lisa: draw 0, before step 0, seed 42: 'a', 'c' of 5 groups; thaw 'a'"),
                        new Transition(
                                "c",
                                DORMANT,
                                LIVE,
                                OptimizerStateOnThaw.FRESH,
                                "lisa: draw 0, before step 0, seed 42: 'a', 'c' of 5 groups; thaw 'c'"));
        FreezeDecision second = lisa.next(first.state(), StepPosition.of(0, 4, 5), List.of());
        assertThat(second.transitions().get(0))
                .isEqualTo(new Transition(
                        "a",
                        LIVE,
                        FROZEN,
                        OptimizerStateOnThaw.KEEP,
                        "lisa: draw 1, before step 4, seed 42: 'd', 'e' of 5 groups; freeze 'a'"));
        assertThat(second.state().states())
                .isEqualTo(Map.of("a", FROZEN, "b", DORMANT, "c", FROZEN, "d", LIVE, "e", LIVE, "side", LIVE));
        FreezeDecision third = lisa.next(second.state(), StepPosition.of(1, 3, 5), List.of());
        assertThat(third.transitions())
                .extracting(t -> t.from().label() + " " + t.group() + " " + t.to().label())
                .containsExactly("live d frozen", "live e frozen", "frozen a live", "dormant b live");
    }

    @Test
    void aGroupThatIsDrawnAgainJustGoesOn() {
        Lisa lisa = lisa(2, 1);
        FreezeState state = lisa.next(lisa.initial(DECLARED, Set.of()), StepPosition.of(2, 0, 1), List.of())
                .state();
        assertThat(lisa.next(state, StepPosition.of(3, 0, 1), List.of()).transitions())
                .isEmpty();
    }

    @Test
    void stopsWhereAPeriodBeginsWithinAnEpoch() {
        assertThat(lisa(2, 4).decisionSteps(0, 5)).containsExactly(4);
        assertThat(lisa(2, 4).decisionSteps(1, 5)).containsExactly(3);
        assertThat(lisa(2, 4).decisionSteps(3, 5)).containsExactly(1);
        assertThat(lisa(2, 4).decisionSteps(4, 5)).containsExactly(4);
        assertThat(lisa(2, 5).decisionSteps(1, 5)).isEmpty();
        assertThat(lisa(2, 2).decisionSteps(0, 5)).containsExactly(2, 4);
        assertThat(lisa(2, 100).decisionSteps(7, 5)).isEmpty();
        assertThat(lisa(2, 1).decisionSteps(1, 3)).containsExactly(1, 2);
    }

    @Test
    void goesOnAnywhereAsIfItHadNeverStopped() {
        Lisa lisa = lisa(2, 4);
        FreezeState reached = lisa.initial(DECLARED, Set.of()).with("d", LIVE).with("e", LIVE);
        assertThat(lisa.next(reached, StepPosition.of(1, 0, 5), List.of()).reason())
                .isEqualTo("no change");
        assertThat(lisa.next(reached, StepPosition.of(1, 2, 5), List.of()).reason())
                .isEqualTo("no change");
    }

    @Test
    void refusesWhatCannotRun() {
        Lisa lisa = new Lisa(
                List.of("side", "a"),
                List.of("a", "x"),
                new Draw(3, 20, new TreeMap<>(Map.of("side", 2.0))),
                OptimizerStateOnThaw.FRESH,
                42);
        assertThat(lisa.problems())
                .satisfiesExactly(
                        Facts.line("schedule.live[1]", "'a'", "schedule.groups"),
                        Facts.line("schedule.sample=3", "2"),
                        Facts.line("schedule.weights.side", "schedule.groups"));
        assertThatThrownBy(() -> new Draw(0, 0, new TreeMap<>(Map.of("a", 0.0))))
                .hasMessageContaining("sample=0")
                .hasMessageContaining("period=0")
                .hasMessageContaining("{a=0.0}");
    }
}
