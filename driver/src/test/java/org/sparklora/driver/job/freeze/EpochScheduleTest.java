package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.sparklora.worker.contract.GroupState.DORMANT;
import static org.sparklora.worker.contract.GroupState.FROZEN;
import static org.sparklora.worker.contract.GroupState.LIVE;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochSchedule.Event;
import org.sparklora.driver.job.text.Facts;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

class EpochScheduleTest {

    private static final Set<String> GROUPS = Set.of("top", "bottom");

    private static StepPosition before(int epoch) {
        return StepPosition.of(epoch, 0, 10);
    }

    @Test
    void theStoryOfLayer11AndLayer0() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"),
                List.of(
                        Event.thaw(2, List.of("bottom"), OptimizerStateOnThaw.KEEP),
                        Event.freeze(4, List.of("bottom")),
                        Event.thaw(5, List.of("bottom"), OptimizerStateOnThaw.FRESH)));
        assertThat(schedule.problems(GROUPS, Set.of(), 10)).isEmpty();

        FreezeState state = schedule.initial(GROUPS, Set.of());
        assertThat(state.states()).isEqualTo(Map.of("top", LIVE, "bottom", DORMANT));
        List<Transition> seen = new ArrayList<>();
        List<String> bottomByEpoch = new ArrayList<>();
        for (int epoch = 0; epoch < 7; epoch++) {
            FreezeDecision decision = schedule.next(state, before(epoch), List.of());
            state = decision.state();
            seen.addAll(decision.transitions());
            bottomByEpoch.add(state.of("bottom").label());
            assertThat(state.of("top")).isEqualTo(LIVE);
        }

        assertThat(bottomByEpoch).containsExactly("dormant", "dormant", "live", "live", "frozen", "live", "live");
        assertThat(seen)
                .containsExactly(
                        new Transition(
                                "bottom",
                                DORMANT,
                                LIVE,
                                OptimizerStateOnThaw.KEEP,
                                "schedule.events[0]: thaw before epoch 2"),
                        new Transition(
                                "bottom",
                                LIVE,
                                FROZEN,
                                OptimizerStateOnThaw.KEEP,
                                "schedule.events[1]: freeze before epoch 4"),
                        new Transition(
                                "bottom",
                                FROZEN,
                                LIVE,
                                OptimizerStateOnThaw.FRESH,
                                "schedule.events[2]: thaw before epoch 5"));
        assertThat(seen.stream().map(Transition::isThaw)).containsExactly(true, false, true);
    }

    @Test
    void aDecisionSaysWhy() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"),
                List.of(Event.freeze(1, List.of("top")), Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP)));
        FreezeState start = schedule.initial(GROUPS, Set.of());
        assertThat(schedule.next(start, before(0), List.of()).reason()).isEqualTo("no change");
        assertThat(schedule.next(start, before(1), List.of()).reason())
                .isEqualTo("schedule.events[0]: freeze before epoch 1; schedule.events[1]: thaw before epoch 1");
    }

    @Test
    void eventsOfOneEpochApplyInTheOrderOfTheList() {
        Event thaw = Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP);
        Event freeze = Event.freeze(1, List.of("bottom"));
        EpochSchedule there = new EpochSchedule(List.of("top"), List.of(thaw, freeze));
        FreezeDecision decision = there.next(there.initial(GROUPS, Set.of()), before(1), List.of());
        assertThat(decision.transitions()).hasSize(2);
        assertThat(decision.state().of("bottom")).isEqualTo(FROZEN);

        EpochSchedule back = new EpochSchedule(List.of("top"), List.of(freeze, thaw));
        assertThat(back.problems(GROUPS, Set.of(), 10))
                .satisfiesExactly(problem ->
                        assertThat(problem).contains("schedule.events[0].freeze", "'bottom'", "not live at epoch 1"));
    }

    @Test
    void eventsMayBeListedOutOfTime() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"),
                List.of(
                        Event.freeze(4, List.of("bottom")),
                        Event.thaw(2, List.of("bottom"), OptimizerStateOnThaw.KEEP)));
        assertThat(schedule.problems(GROUPS, Set.of(), 10)).isEmpty();
    }

    @Test
    void anEventOfEpochZeroComesBeforeTheFirstStep() {
        EpochSchedule schedule =
                new EpochSchedule(List.of(), List.of(Event.thaw(0, List.of("bottom"), OptimizerStateOnThaw.KEEP)));
        assertThat(schedule.next(schedule.initial(GROUPS, Set.of()), before(0), List.of())
                        .state()
                        .of("bottom"))
                .isEqualTo(LIVE);
    }

    @Test
    void aGroupThatNothingNamesStaysDormant() {
        EpochSchedule schedule = new EpochSchedule(List.of("top"), List.of());
        FreezeState state = schedule.initial(GROUPS, Set.of());
        for (int epoch = 0; epoch < 100; epoch++) {
            state = schedule.next(state, before(epoch), List.of()).state();
        }
        assertThat(state.of("bottom")).isEqualTo(DORMANT);
    }

    @Test
    void aGroupThatComesTrainedStartsFrozenUnlessItIsLive() {
        EpochSchedule schedule =
                new EpochSchedule(List.of("top"), List.of(Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP)));
        FreezeState state = schedule.initial(Set.of("top", "bottom", "mid"), Set.of("top", "bottom"));
        assertThat(state.states()).isEqualTo(Map.of("top", LIVE, "bottom", FROZEN, "mid", DORMANT));
        assertThat(schedule.problems(GROUPS, Set.of("bottom"), 10)).isEmpty();
        assertThat(schedule.next(state, before(1), List.of())
                        .transitions()
                        .get(0)
                        .from())
                .isEqualTo(FROZEN);
    }

    @Test
    void anEmptyListTrainsTheHeadOnly() {
        FreezeState state = new EpochSchedule(List.of(), List.of()).initial(GROUPS, Set.of());
        assertThat(state.in(LIVE)).isEmpty();
        assertThat(state.of("head")).isEqualTo(LIVE);
    }

    @Test
    void refusesIllegalMovesWithTheirEvent() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"),
                List.of(
                        Event.thaw(1, List.of("top"), OptimizerStateOnThaw.KEEP),
                        Event.freeze(2, List.of("bottom")),
                        Event.freeze(3, List.of("top")),
                        Event.freeze(4, List.of("top"))));
        assertThat(schedule.problems(GROUPS, Set.of(), 10))
                .satisfiesExactly(
                        thaw -> assertThat(thaw).contains("schedule.events[0].thaw", "'top'", "live at epoch 1"),
                        dormant -> assertThat(dormant)
                                .contains("schedule.events[1].freeze", "'bottom'", "not live at epoch 2"),
                        frozen ->
                                assertThat(frozen).contains("schedule.events[3].freeze", "'top'", "frozen at epoch 4"));
        FreezeState start = schedule.initial(GROUPS, Set.of());
        assertThatThrownBy(() -> schedule.next(start, before(1), List.of()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("schedule.events[0].thaw")
                .hasMessageContaining("'top'");
        assertThatThrownBy(() -> new Transition("g", DORMANT, FROZEN, OptimizerStateOnThaw.KEEP, ""))
                .hasMessage("group 'g' is dormant and cannot become frozen");
    }

    private static Event at(int epoch, int step, List<String> add, List<String> thaw, List<String> freeze) {
        return new Event(epoch, OptionalInt.of(step), add, thaw, freeze, OptimizerStateOnThaw.KEEP);
    }

    @Test
    void eventsTakeEffectBeforeTheirStep() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"),
                List.of(
                        at(1, 7, List.of(), List.of(), List.of("bottom")),
                        at(1, 2, List.of(), List.of("bottom"), List.of()),
                        at(1, 0, List.of(), List.of(), List.of("top"))));
        assertThat(schedule.problems(GROUPS, Set.of(), 10)).isEmpty();
        assertThat(schedule.decisionSteps(0, 10)).isEmpty();
        assertThat(schedule.decisionSteps(1, 10)).containsExactly(2, 7);
        assertThat(schedule.decisionSteps(1, 7)).containsExactly(2);
        FreezeState start = schedule.initial(GROUPS, Set.of());
        assertThat(Histories.moves(schedule, start, List.of(), 3, 10))
                .containsExactly(
                        "epoch 1: top frozen", "step 2 of epoch 1: bottom live", "step 7 of epoch 1: bottom frozen");
        assertThat(schedule.next(start, StepPosition.of(1, 2, 10), List.of()).reason())
                .isEqualTo("schedule.events[1]: thaw before step 2 of epoch 1");
    }

    @Test
    void anEventBeyondTheRunNeverHappens() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"),
                List.of(
                        at(1, 5, List.of(), List.of("bottom"), List.of()),
                        at(2, 0, List.of(), List.of(), List.of("bottom")),
                        at(3, 0, List.of(), List.of(), List.of("top"))));
        assertThat(schedule.neverReached(RunLength.ofEpochs(4, 6))).isEmpty();
        assertThat(schedule.neverReached(RunLength.ofEpochs(3, 5)))
                .satisfiesExactly(
                        Facts.line("schedule.events[0]", "step 5 of epoch 1", "5 steps"),
                        Facts.line("schedule.events[2]", "epoch 3", "3 epochs"));
        assertThat(schedule.problems(GROUPS, Set.of(), 10)).isEmpty();
        assertThat(schedule.problems(GROUPS, Set.of(), 5))
                .satisfiesExactly(problem ->
                        assertThat(problem).contains("schedule.events[1].freeze", "'bottom'", "not live at epoch 2"));
    }

    @Test
    void anAddedGroupIsDormantUntilAnEventThawsIt() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"),
                List.of(
                        at(3, 0, List.of("side"), List.of(), List.of()),
                        at(2, 4, List.of("bottom"), List.of("bottom"), List.of()),
                        at(4, 0, List.of(), List.of("side"), List.of())));
        Set<String> groups = Set.of("top", "bottom", "side");
        assertThat(schedule.problems(groups, Set.of(), 10)).isEmpty();
        assertThat(schedule.added(StepPosition.of(2, 4, 10))).containsExactly("bottom");
        assertThat(schedule.added(before(2))).isEmpty();
        assertThat(schedule.added(before(3))).containsExactly("side");
        FreezeState start = schedule.initial(groups, Set.of());
        assertThat(start.states()).isEqualTo(Map.of("top", LIVE, "bottom", DORMANT, "side", DORMANT));
        assertThat(schedule.next(start, before(3), List.of()).reason()).isEqualTo("no change");
        assertThat(Histories.moves(schedule, start, List.of(), 5, 10))
                .containsExactly("step 4 of epoch 2: bottom live", "epoch 4: side live");
    }

    @Test
    void refusesAGroupBeforeItIsAdded() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("bottom"),
                List.of(
                        at(1, 0, List.of(), List.of("side"), List.of()),
                        at(2, 0, List.of("side"), List.of(), List.of()),
                        at(4, 0, List.of(), List.of("top"), List.of())));
        assertThat(schedule.problems(Set.of("top", "bottom", "side"), Set.of(), 10))
                .satisfiesExactly(Facts.line("schedule.events[0].thaw", "'side'", "schedule.events[1].add"));
    }

    @Test
    void whatWasSeenDoesNotMoveASchedule() {
        EpochSchedule schedule = new EpochSchedule(
                List.of("top"), List.of(Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.DECAY)));
        FreezeState start = schedule.initial(GROUPS, Set.of());
        EpochMetrics seen = new EpochMetrics(0, 0.5, new TreeMap<>(Map.of("accuracy", 0.9)), new TreeMap<>());
        assertThat(schedule.next(start, before(1), List.of(seen)))
                .isEqualTo(schedule.next(start, before(1), List.of()));
        assertThat(OptimizerStateOnThaw.DECAY.label()).isEqualTo("decay");
    }
}
