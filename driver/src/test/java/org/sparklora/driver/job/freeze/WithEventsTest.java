package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.sparklora.worker.contract.OptimizerStateOnThaw.FRESH;
import static org.sparklora.worker.contract.OptimizerStateOnThaw.KEEP;

import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochSchedule.Event;
import org.sparklora.driver.job.freeze.ThawOnPlateau.Phase;
import org.sparklora.driver.job.freeze.ThawOnPlateau.Watch;
import org.sparklora.driver.job.text.Facts;

class WithEventsTest {

    private static final List<String> GROUPS = List.of("top", "bottom");
    private static final Set<String> DECLARED = Set.of("top", "bottom", "side", "late");
    private static final List<EpochMetrics> RECORDED = Histories.of("accuracy", 0.5, 0.6, 0.4, 0.4, 0.7, 0.6, 0.6);

    private static WithEvents plateau(Event... events) {
        return new WithEvents(
                new ThawOnPlateau(
                        List.of("top"), GROUPS, new Watch("accuracy", 0, 2), new Phase(1, OptionalInt.empty()), true),
                new EpochSchedule(List.of("top"), List.of(events)));
    }

    private static Event at(int epoch, int step, List<String> thaw, List<String> freeze) {
        return new Event(epoch, OptionalInt.of(step), List.of(), thaw, freeze, KEEP);
    }

    private static List<String> moves(FreezePolicy policy, int steps) {
        return Histories.moves(policy, policy.initial(DECLARED, Set.of()), RECORDED, RECORDED.size() + 1, steps);
    }

    @Test
    void eachMovesItsOwnGroups() {
        WithEvents policy = plateau(at(0, 3, List.of("side"), List.of()), at(4, 0, List.of(), List.of("side")));
        assertThat(policy.problems(DECLARED, Set.of(), 10)).isEmpty();
        assertThat(policy.live()).containsExactly("top");
        assertThat(policy.groups()).isEqualTo(GROUPS);
        assertThat(policy.needsMetrics()).isTrue();
        assertThat(moves(policy, 10))
                .containsExactly(
                        "step 3 of epoch 0: side live",
                        "epoch 4: restore 1",
                        "epoch 4: bottom live",
                        "epoch 4: side frozen",
                        "epoch 7: stop");
    }

    @Test
    void anEventIsNeverUndone() {
        WithEvents policy = plateau(at(2, 1, List.of("side"), List.of()));
        assertThat(moves(policy, 10))
                .containsExactly("step 1 of epoch 2: side live", "epoch 4: bottom live", "epoch 7: stop");
        FreezeDecision decision = new Replay(policy, 10)
                .decisions(policy.initial(DECLARED, Set.of()), RECORDED, 5)
                .get(5)
                .decision();
        assertThat(decision.restoreEpoch()).isEmpty();
        assertThat(decision.reason())
                .isEqualTo(
                        "plateau: accuracy best 0.6 at epoch 1, no improvement above min_delta 0.0 for patience 2 epochs; restore epoch 1, accuracy 0.6, and thaw 'bottom' (epoch 1 is not restored: events have moved groups since)");
        // An event that comes with the thaw, one before the best epoch ended, one that only declares: none is undone.
        Event adds = new Event(3, OptionalInt.of(0), List.of("late"), List.of(), List.of(), KEEP);
        assertThat(moves(plateau(at(1, 9, List.of("side"), List.of()), adds, at(4, 0, List.of("late"), List.of())), 10))
                .contains("epoch 4: restore 1", "epoch 4: late live");
    }

    @Test
    void stopsForBoth() {
        Lisa lisa = new Lisa(List.of("side"), GROUPS, new Lisa.Draw(1, 4, new TreeMap<>()), FRESH, 42);
        WithEvents policy =
                new WithEvents(lisa, new EpochSchedule(List.of("side"), List.of(at(1, 1, List.of(), List.of("side")))));
        assertThat(policy.decisionSteps(0, 5)).containsExactly(4);
        assertThat(policy.decisionSteps(1, 5)).containsExactly(1, 3);
        assertThat(policy.needsMetrics()).isFalse();
    }

    @Test
    void keepsThePolicysRates() {
        WithEvents policy = new WithEvents(
                new GradualThaw(List.of("top"), GROUPS, 1, 2), new EpochSchedule(List.of("top"), List.of()));
        assertThat(policy.learningRateFactor("bottom")).isEqualTo(0.5);
        assertThat(policy.learningRateFactor("side")).isEqualTo(1.0);
    }

    @Test
    void tellsWhatIsAddedAndWhatNeverHappens() {
        WithEvents policy = plateau(
                new Event(3, OptionalInt.of(2), List.of("late"), List.of("late"), List.of(), KEEP),
                at(1, 7, List.of("side"), List.of()));
        assertThat(policy.added(StepPosition.of(3, 2, 10))).containsExactly("late");
        assertThat(policy.added(StepPosition.of(3, 0, 10))).isEmpty();
        assertThat(policy.neverReached(RunLength.ofEpochs(3, 7)))
                .satisfiesExactly(
                        Facts.line("'bottom'", "epoch 3"),
                        Facts.line("schedule.events[0]", "epoch 3"),
                        Facts.line("schedule.events[1]", "step 7 of epoch 1"));
    }

    @Test
    void reportsTheProblemsOfBoth() {
        WithEvents policy = new WithEvents(
                new AutoFreeze(List.of(), GROUPS, 50, 1),
                new EpochSchedule(List.of(), List.of(at(1, 0, List.of(), List.of("side")))));
        assertThat(policy.problems()).isNotEmpty().allSatisfy(Facts.line("schedule.live", "autofreeze"));
        assertThat(policy.problems(DECLARED, Set.of(), 10))
                .satisfiesExactly(Facts.line("schedule.events[0].freeze", "'side'", "epoch 1"));
        assertThatThrownBy(() -> new WithEvents(
                        new GradualThaw(List.of("top"), GROUPS, 1, 2), new EpochSchedule(List.of(), List.of())))
                .hasMessageContaining("[top]")
                .hasMessageContaining("[]");
    }

    @Test
    void knowsThatALateStepNeverComes() {
        WithEvents policy = plateau(at(1, 7, List.of("side"), List.of()), at(2, 0, List.of(), List.of("side")));
        assertThat(policy.problems(DECLARED, Set.of(), 10)).isEmpty();
        assertThat(policy.problems(DECLARED, Set.of(), 8)).isEmpty();
        assertThat(policy.problems(DECLARED, Set.of(), 7))
                .satisfiesExactly(Facts.line("schedule.events[1].freeze", "'side'", "epoch 2"));
    }
}
