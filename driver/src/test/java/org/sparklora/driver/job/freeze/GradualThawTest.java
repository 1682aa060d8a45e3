package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;
import static org.sparklora.worker.contract.GroupState.DORMANT;
import static org.sparklora.worker.contract.GroupState.FROZEN;
import static org.sparklora.worker.contract.GroupState.LIVE;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.text.Facts;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

class GradualThawTest {

    private static final List<String> GROUPS = List.of("top", "middle", "bottom");
    private static final Set<String> DECLARED = Set.of("top", "middle", "bottom", "side");

    private static List<String> moves(GradualThaw policy, int epochs) {
        return Histories.moves(policy, policy.initial(DECLARED, Set.of()), List.of(), epochs, 10);
    }

    @Test
    void aGroupMoreEachEpochFromTheTopDown() {
        GradualThaw policy = new GradualThaw(List.of(), GROUPS, 1, 2.6);
        assertThat(policy.problems()).isEmpty();
        assertThat(moves(policy, 9))
                .containsExactly("epoch 1: top live", "epoch 2: middle live", "epoch 3: bottom live");
    }

    @Test
    void groupsThatAreLiveAtTheStartCountAsThawed() {
        assertThat(moves(new GradualThaw(List.of("middle", "side"), GROUPS, 3, 2.6), 9))
                .containsExactly("epoch 3: top live", "epoch 6: bottom live");
        assertThat(moves(new GradualThaw(GROUPS, GROUPS, 1, 2.6), 9)).isEmpty();
    }

    @Test
    void aThawSaysWhy() {
        GradualThaw policy = new GradualThaw(List.of("top"), GROUPS, 2, 2.6);
        FreezeDecision decision = policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(2, 0, 10), List.of());
        assertThat(decision.transitions())
                .containsExactly(new Transition(
                        "middle",
                        DORMANT,
                        LIVE,
                        OptimizerStateOnThaw.KEEP,
                        "gradual: one more group every 2 epochs; thaw 'middle' before epoch 2"));
        assertThat(decision.state().states())
                .isEqualTo(Map.of("top", LIVE, "middle", LIVE, "bottom", DORMANT, "side", DORMANT));
        assertThat(decision.restoreEpoch()).isEmpty();
        assertThat(decision.stop()).isEmpty();
    }

    @Test
    void nothingChangesWithinAnEpoch() {
        GradualThaw policy = new GradualThaw(List.of("top"), GROUPS, 1, 2.6);
        FreezeState first = policy.next(policy.initial(DECLARED, Set.of()), StepPosition.of(1, 0, 10), List.of())
                .state();
        assertThat(policy.decisionSteps(1, 10)).isEmpty();
        assertThat(policy.next(first, StepPosition.of(1, 5, 10), List.of()).reason())
                .isEqualTo("no change");
    }

    @Test
    void aGroupThatComesTrainedThawsFromFrozen() {
        GradualThaw policy = new GradualThaw(List.of("top"), GROUPS, 1, 2.6);
        FreezeState start = policy.initial(DECLARED, Set.of("middle"));
        assertThat(policy.next(start, StepPosition.of(1, 0, 10), List.of()).transitions())
                .extracting(Transition::from)
                .containsExactly(FROZEN);
    }

    @Test
    void deeperGroupsLearnMoreSlowly() {
        GradualThaw policy = new GradualThaw(List.of("top"), GROUPS, 1, 2.6);
        assertThat(policy.learningRateFactor("top")).isEqualTo(1.0);
        assertThat(policy.learningRateFactor("middle")).isCloseTo(0.38461538461538464, offset(1e-16));
        assertThat(policy.learningRateFactor("bottom")).isCloseTo(0.14792899408284024, offset(1e-16));
        assertThat(policy.learningRateFactor("side")).isEqualTo(1.0);
        assertThat(policy.learningRateFactor("head")).isEqualTo(1.0);
        assertThat(new GradualThaw(List.of(), GROUPS, 1, 1).learningRateFactor("bottom"))
                .isEqualTo(1.0);
    }

    @Test
    void tellsWhenGroupsThaw() {
        GradualThaw policy = new GradualThaw(List.of("top"), GROUPS, 2, 2.6);
        assertThat(policy.needsMetrics()).isFalse();
        assertThat(policy.thawsBefore("top")).isEqualTo(0);
        assertThat(policy.thawsBefore("bottom")).isEqualTo(4);
        assertThatThrownBy(() -> policy.thawsBefore("side"))
                .hasMessageContaining("'side'")
                .hasMessageContaining("[top, middle, bottom]");
        assertThat(policy.neverReached(RunLength.ofEpochs(5, 10))).isEmpty();
        assertThat(policy.neverReached(RunLength.ofEpochs(4, 10)))
                .satisfiesExactly(Facts.line("'bottom'", "epoch 4", "4 epochs"));
    }

    @Test
    void refusesWhatCannotRun() {
        assertThatThrownBy(() -> new GradualThaw(List.of(), GROUPS, 0, Double.NaN))
                .hasMessageContaining("every=0")
                .hasMessageContaining("learning_rate_decay=NaN");
    }
}
