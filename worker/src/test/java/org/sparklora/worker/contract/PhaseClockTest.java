package org.sparklora.worker.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class PhaseClockTest {

    @Test
    void allThatPassesIsCountedOnce() {
        long before = System.nanoTime();
        PhaseClock clock = new PhaseClock();
        long started = System.nanoTime();
        clock.lap(Phase.DATA);
        clock.lap(Phase.FORWARD);
        clock.lap(Phase.DATA);
        long ended = System.nanoTime();
        clock.lap(Phase.EXCHANGE);
        long after = System.nanoTime();
        assertThat(clock.times().allNanos()).isBetween(ended - started, after - before);
        assertThat(clock.times().nanos().keySet()).containsExactlyInAnyOrder(Phase.DATA, Phase.FORWARD, Phase.EXCHANGE);
    }

    @Test
    void movingAPartChangesNoSum() {
        PhaseClock clock = new PhaseClock();
        clock.lap(Phase.EXCHANGE);
        long all = clock.times().allNanos();
        clock.move(Phase.EXCHANGE, Phase.WAITING, all / 3);
        assertThat(clock.times().nanos(Phase.WAITING)).isEqualTo(all / 3);
        assertThat(clock.times().allNanos()).isEqualTo(all);
    }

    @Test
    void timesAddUpAndAreDivided() {
        PhaseTimes two = new PhaseTimes(Map.of(Phase.DATA, 4L, Phase.TRUNK, 2L))
                .plus(new PhaseTimes(Map.of(Phase.DATA, 6L, Phase.OPTIMIZER, 1_000_000_000L)));
        assertThat(two.nanos()).isEqualTo(Map.of(Phase.DATA, 10L, Phase.TRUNK, 2L, Phase.OPTIMIZER, 1_000_000_000L));
        assertThat(two.passNanos()).isEqualTo(12);
        assertThat(two.dividedBy(2).nanos(Phase.DATA)).isEqualTo(5);
        assertThat(two.plus(Phase.WAITING, 7).nanos(Phase.WAITING)).isEqualTo(7);
        assertThat(two.seconds()).containsEntry("optimizer", 1.0).containsOnlyKeys("data", "optimizer", "prefix");
        assertThat(PhaseTimes.NONE.seconds()).isEmpty();
    }
}
