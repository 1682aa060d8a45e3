package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochSchedule.Event;
import org.sparklora.driver.job.freeze.Replay.Decided;
import org.sparklora.driver.job.freeze.ThawOnPlateau.Phase;
import org.sparklora.driver.job.freeze.ThawOnPlateau.Watch;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

class ReplayTest {

    private static final Set<String> DECLARED = Set.of("top", "bottom");

    @Test
    void decidesBeforeEachEpochAndAtEachStop() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(
                        new Event(1, OptionalInt.of(3), List.of(), List.of("bottom"), List.of(), OptimizerStateOnThaw.KEEP),
                        Event.freeze(2, List.of("bottom"))));
        FreezeState start = policy.initial(DECLARED, Set.of());
        List<Decided> decisions = new Replay(policy, 5).decisions(start, List.of(), 3);
        assertThat(decisions)
                .extracting(decided -> decided.at() + ": " + decided.decision().reason())
                .containsExactly(
                        "epoch 0: no change",
                        "epoch 1: no change",
                        "step 3 of epoch 1: schedule.events[0]: thaw before step 3 of epoch 1",
                        "epoch 2: schedule.events[1]: freeze before epoch 2");
        assertThat(decisions).extracting(decided -> decided.at().globalStep()).containsExactly(0L, 5L, 8L, 10L);
        assertThat(new Replay(policy, 5).decisions(start, List.of(), 0)).isEmpty();
    }

    @Test
    void endsWithTheRun() {
        ThawOnPlateau policy = new ThawOnPlateau(
                List.of("top", "bottom"),
                List.of("top", "bottom"),
                new Watch("loss", 0, 1),
                new Phase(1, OptionalInt.empty()),
                true);
        List<EpochMetrics> recorded = Histories.of("loss", 0.5, 0.6, 0.7);
        FreezeState start = policy.initial(DECLARED, Set.of());
        List<Decided> decisions = new Replay(policy, 5).decisions(start, recorded, 10);
        assertThat(decisions).hasSize(3);
        assertThat(decisions.get(2).decision().stop()).isPresent();
        assertThatThrownBy(() -> new Replay(policy, 5).decisions(start, List.of(), 2))
                .hasMessageContaining("before epoch 1");
    }

    @Test
    void aMomentIsBeforeOneStep() {
        assertThat(StepPosition.of(2, 3, 10)).isEqualTo(new StepPosition(2, 3, 23));
        assertThat(StepPosition.of(2, 0, 10).startsEpoch()).isTrue();
        assertThatThrownBy(() -> new StepPosition(0, 5, 4))
                .hasMessageContaining("step 5 of epoch 0").hasMessageContaining("step 4");
        assertThatThrownBy(() -> StepPosition.of(-1, 0, 4)).isInstanceOf(IllegalArgumentException.class);
    }
}
