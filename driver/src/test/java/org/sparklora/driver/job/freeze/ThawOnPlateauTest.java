package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.sparklora.worker.contract.GroupState.DORMANT;
import static org.sparklora.worker.contract.GroupState.LIVE;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.Replay.Decided;
import org.sparklora.driver.job.freeze.ThawOnPlateau.Phase;
import org.sparklora.driver.job.freeze.ThawOnPlateau.Watch;
import org.sparklora.driver.job.text.Facts;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

class ThawOnPlateauTest {

    private static final List<String> GROUPS = List.of("top", "middle", "bottom");
    private static final Set<String> DECLARED = Set.of("top", "middle", "bottom", "side");
    private static final Phase ANY_LENGTH = new Phase(1, OptionalInt.empty());

    /** Three phases: epochs 0 to 3, 4 to 7, 8 to 10. */
    private static final List<EpochMetrics> RECORDED = Histories.of(
            "accuracy",
            0.7,
            0.8,
            0.8005,
            0.79, /* thaw middle */
            0.81,
            0.83,
            0.82,
            0.82, /* thaw bottom */
            0.84,
            0.83,
            0.84);

    private static ThawOnPlateau policy(Watch watch, Phase phase, boolean restoreBest) {
        return new ThawOnPlateau(List.of("top"), GROUPS, watch, phase, restoreBest);
    }

    private static ThawOnPlateau restoring() {
        return policy(new Watch("accuracy", 0.001, 2), ANY_LENGTH, true);
    }

    private static List<String> moves(ThawOnPlateau policy, List<EpochMetrics> seen) {
        return Histories.moves(policy, policy.initial(DECLARED, Set.of()), seen, seen.size() + 1, 10);
    }

    @Test
    void theNextGroupThawsWhenTheMetricStopsImprovingAndAtLastTheRunEnds() {
        ThawOnPlateau policy = restoring();
        assertThat(policy.problems()).isEmpty();
        assertThat(moves(policy, RECORDED))
                .containsExactly(
                        "epoch 4: restore 2",
                        "epoch 4: middle live",
                        "epoch 8: restore 5",
                        "epoch 8: bottom live",
                        "epoch 11: stop");
    }

    @Test
    void eachDecisionSaysWhy() {
        ThawOnPlateau policy = restoring();
        List<Decided> decisions = new Replay(policy, 10).decisions(policy.initial(DECLARED, Set.of()), RECORDED, 12);
        assertThat(decisions).hasSize(12);
        assertThat(decisions.get(3).decision().reason()).isEqualTo("no change");
        assertThat(decisions.get(4).decision().transitions())
                .containsExactly(
                        new Transition(
                                "middle",
                                DORMANT,
                                LIVE,
                                OptimizerStateOnThaw.KEEP,
                                "plateau: accuracy best 0.8 at epoch 1, no improvement above min_delta 0.001 for patience 2 epochs; restore epoch 2, accuracy 0.8005, and thaw 'middle'"));
        assertThat(decisions.get(8).decision().reason())
                .isEqualTo(
                        "plateau: accuracy best 0.83 at epoch 5, no improvement above min_delta 0.001 for patience 2 epochs; restore epoch 5, accuracy 0.83, and thaw 'bottom'");
        assertThat(decisions.get(11).decision().stop())
                .contains(
                        "plateau: accuracy best 0.84 at epoch 8, no improvement above min_delta 0.001 for patience 2 epochs; no group is left to thaw, the run ends");
    }

    @Test
    void withoutRestoreBestThePhaseGoesOnFromItsLastEpoch() {
        ThawOnPlateau policy = policy(new Watch("accuracy", 0.001, 2), ANY_LENGTH, false);
        assertThat(moves(policy, RECORDED))
                .containsExactly("epoch 4: middle live", "epoch 8: bottom live", "epoch 11: stop");
        assertThat(policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(4, 0, 10), RECORDED.subList(0, 4))
                        .reason())
                .isEqualTo(
                        "plateau: accuracy best 0.8 at epoch 1, no improvement above min_delta 0.001 for patience 2 epochs; thaw 'middle'");
    }

    @Test
    void aDecisionDependsOnItsArgumentsAlone() {
        ThawOnPlateau policy = restoring();
        StepPosition at = StepPosition.of(8, 0, 10);
        List<EpochMetrics> seen = RECORDED.subList(0, 8);
        var now = policy.initial(DECLARED, Set.of()).with("middle", LIVE);
        assertThat(policy.next(now, at, seen)).isEqualTo(restoring().next(now, at, List.copyOf(seen)));
        assertThat(policy.next(now, StepPosition.of(7, 0, 10), RECORDED.subList(0, 7))
                        .reason())
                .isEqualTo("no change");
    }

    @Test
    void lessLossIsBetter() {
        ThawOnPlateau policy = policy(new Watch("loss", 0, 1), ANY_LENGTH, true);
        assertThat(moves(policy, Histories.of("loss", 0.9, 0.5, 0.5, 0.4, 0.3)))
                .containsExactly("epoch 3: restore 1", "epoch 3: middle live");
        assertThat(policy.next(
                                policy.initial(DECLARED, Set.of()),
                                StepPosition.of(3, 0, 10),
                                Histories.of("loss", 0.9, 0.5, 0.5))
                        .reason())
                .isEqualTo(
                        "plateau: loss best 0.5 at epoch 1, no improvement above min_delta 0.0 for patience 1 epoch; restore epoch 1, loss 0.5, and thaw 'middle'");
        assertThat(moves(policy(new Watch("mse", 0, 1), ANY_LENGTH, false), Histories.of("mse", 3, 2, 2)))
                .containsExactly("epoch 3: middle live");
    }

    @Test
    void aChangeOfMinDeltaExactlyIsNoImprovement() {
        ThawOnPlateau policy = policy(new Watch("accuracy", 0.25, 1), ANY_LENGTH, false);
        assertThat(moves(policy, Histories.of("accuracy", 0.25, 0.5))).containsExactly("epoch 2: middle live");
        assertThat(moves(policy, Histories.of("accuracy", 0.25, 0.50001))).isEmpty();
        assertThat(moves(policy(new Watch("loss", 0.25, 1), ANY_LENGTH, false), Histories.of("loss", 0.5, 0.25)))
                .containsExactly("epoch 2: middle live");
    }

    @Test
    void aPhaseLastsItsMinEpochs() {
        ThawOnPlateau policy = policy(new Watch("accuracy", 0, 1), new Phase(4, OptionalInt.empty()), true);
        List<EpochMetrics> falling = Histories.of("accuracy", 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3);
        assertThat(moves(policy, falling)).containsExactly("epoch 4: restore 0", "epoch 4: middle live");
        assertThat(policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(4, 0, 10), falling.subList(0, 4))
                        .reason())
                .isEqualTo(
                        "plateau: accuracy best 0.9 at epoch 0, no improvement above min_delta 0.0 for patience 1 epoch, and the phase has run min_epochs 4; restore epoch 0, accuracy 0.9, and thaw 'middle'");
    }

    @Test
    void aPhaseEndsAfterItsMaxEpochsButTheLastDoesNot() {
        ThawOnPlateau policy = policy(new Watch("accuracy", 0, 3), new Phase(1, OptionalInt.of(2)), true);
        List<EpochMetrics> rising = Histories.of("accuracy", 0.1, 0.2, 0.4, 0.3, 0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8);
        assertThat(moves(policy, rising))
                .containsExactly(
                        "epoch 2: middle live", "epoch 4: restore 2", "epoch 4: bottom live", "epoch 11: stop");
        assertThat(policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(2, 0, 10), rising.subList(0, 2))
                        .reason())
                .isEqualTo("plateau: accuracy best 0.2 at epoch 1, and the phase has run max_epochs 2; thaw 'middle'");
    }

    @Test
    void whatIsNoNumberIsWorseThanAnyAndPatienceCountsIt() {
        ThawOnPlateau policy = policy(new Watch("auc", 0, 2), ANY_LENGTH, true);
        double nan = Double.NaN;
        assertThat(moves(policy, Histories.of("auc", nan, nan, nan)))
                .containsExactly("epoch 3: restore 0", "epoch 3: middle live");
        assertThat(moves(policy, Histories.of("auc", nan, 0.1, nan, 0.1)))
                .containsExactly("epoch 4: restore 1", "epoch 4: middle live");
        assertThat(moves(policy, Histories.of("auc", nan, 0.1, nan, 0.2))).isEmpty();
    }

    @Test
    void nothingChangesWithinAnEpoch() {
        ThawOnPlateau policy = restoring();
        assertThat(policy.decisionSteps(4, 10)).isEmpty();
        assertThat(policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(4, 3, 10), RECORDED.subList(0, 4))
                        .reason())
                .isEqualTo("no change");
    }

    @Test
    void withoutGroupsToThawItStopsTheRunEarly() {
        ThawOnPlateau policy = new ThawOnPlateau(GROUPS, GROUPS, new Watch("accuracy", 0, 2), ANY_LENGTH, true);
        assertThat(policy.problems()).isEmpty();
        assertThat(moves(policy, Histories.of("accuracy", 0.5, 0.6, 0.6, 0.6))).containsExactly("epoch 4: stop");
    }

    @Test
    void needsWhatEachEpochShowed() {
        ThawOnPlateau policy = restoring();
        var start = policy.initial(DECLARED, Set.of());
        assertThat(policy.needsMetrics()).isTrue();
        assertThatThrownBy(() -> policy.next(start, StepPosition.of(2, 0, 10), RECORDED.subList(0, 1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("before epoch 2")
                .hasMessageContaining("[0]");
        assertThatThrownBy(() -> policy.next(start, StepPosition.of(2, 0, 10), RECORDED.subList(1, 3)))
                .hasMessageContaining("before epoch 2")
                .hasMessageContaining("[1, 2]");
        assertThatThrownBy(() -> policy.next(start, StepPosition.of(1, 0, 10), Histories.of("loss", 1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'accuracy'")
                .hasMessageContaining("[loss]")
                .hasMessageContaining("epoch 0");
    }

    private static EpochSchedule.Event thaw(int epoch, String group) {
        return EpochSchedule.Event.thaw(epoch, List.of(group), OptimizerStateOnThaw.KEEP);
    }

    @Test
    void tellsWhenGroupsMayThaw() {
        ThawOnPlateau open = policy(new Watch("accuracy", 0, 3), ANY_LENGTH, true);
        assertThat(open.earliest("top")).isEqualTo(0);
        assertThat(open.latest("top")).isEqualTo(OptionalLong.of(0));
        assertThat(open.earliest("middle")).isEqualTo(4);
        assertThat(open.earliest("bottom")).isEqualTo(8);
        assertThat(open.latest("bottom")).isEmpty();
        ThawOnPlateau bounded = policy(new Watch("accuracy", 0, 3), new Phase(5, OptionalInt.of(6)), true);
        assertThat(bounded.earliest("bottom")).isEqualTo(10);
        assertThat(bounded.latest("bottom")).isEqualTo(OptionalLong.of(12));
        ThawOnPlateau hasty = policy(new Watch("accuracy", 0, 3), new Phase(1, OptionalInt.of(2)), true);
        assertThat(hasty.earliest("middle")).isEqualTo(2);
        assertThat(bounded.atTheEarliest())
                .isEqualTo(new EpochSchedule(bounded.live(), List.of(thaw(5, "middle"), thaw(10, "bottom"))));
        assertThat(bounded.atTheLatest())
                .isEqualTo(new EpochSchedule(bounded.live(), List.of(thaw(6, "middle"), thaw(12, "bottom"))));
        assertThat(open.atTheLatest()).isEqualTo(new EpochSchedule(open.live(), List.of()));
        // Two phases, and the plateau of the last, which no max_epochs ends.
        assertThat(open.mayEndBefore()).isEqualTo(OptionalLong.of(12));
        assertThat(bounded.mayEndBefore()).isEqualTo(OptionalLong.of(15));
        assertThat(hasty.mayEndBefore()).isEqualTo(OptionalLong.of(8));
        assertThatThrownBy(() -> open.earliest("side"))
                .hasMessageContaining("'side'")
                .hasMessageContaining("[top, middle, bottom]");
        assertThat(open.neverReached(RunLength.ofEpochs(9, 10))).isEmpty();
        assertThat(open.neverReached(RunLength.ofEpochs(8, 10)))
                .satisfiesExactly(Facts.line("'bottom'", "epoch 8", "8 epochs"));
    }

    @Test
    void refusesWhatCannotRun() {
        assertThat(policy(new Watch("accuracy", 0, 1), new Phase(3, OptionalInt.of(2)), true)
                        .problems())
                .satisfiesExactly(Facts.line("schedule.min_epochs=3", "schedule.max_epochs=2"));
        assertThatThrownBy(() -> new Watch("accuracy", -1, 0))
                .hasMessageContaining("min_delta=-1.0")
                .hasMessageContaining("patience=0");
        assertThatThrownBy(() -> new Phase(0, OptionalInt.of(1)))
                .hasMessageContaining("min_epochs=0")
                .hasMessageContaining("max_epochs=1");
    }
}
