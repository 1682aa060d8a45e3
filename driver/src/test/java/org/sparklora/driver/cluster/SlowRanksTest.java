package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.run.loop.RunListener.SlowRank;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.spark.SegmentResult;

class SlowRanksTest {

    private static SegmentResult result(int rank, String host, double seconds) {
        PhaseTimes times = new PhaseTimes(
                Map.of(Phase.FORWARD, (long) (seconds * 1e9), Phase.WAITING, (long) ((100 - seconds) * 1e9)));
        return new SegmentResult(rank, host + ":400" + rank, new TreeMap<>(), times, null);
    }

    @Test
    void theHostThatTheOthersWaitForIsNamedWithItsShards() {
        SlowRanks slow = new SlowRanks(4);
        slow.add(List.of(result(0, "a", 30), result(1, "b", 31), result(2, "c", 60)));
        slow.add(List.of(result(0, "a", 30), result(1, "c", 58), result(2, "b", 28)));
        assertThat(slow.worst()).contains(new SlowRank("c", 1, 1, 57));
    }

    @Test
    void oneOfTwoRanksIsComparedWithTheOther() {
        SlowRanks slow = new SlowRanks(4);
        slow.add(List.of(result(0, "a", 50), result(1, "b", 20)));
        assertThat(slow.worst()).contains(new SlowRank("a", 0, 2, 30));
    }

    @Test
    void smallDifferencesAndShortWaitsAreNotNamed() {
        SlowRanks even = new SlowRanks(4);
        even.add(List.of(result(0, "a", 90), result(1, "b", 99), result(2, "c", 90)));
        even.add(List.of(result(0, "a", 90), result(1, "b", 99), result(2, "c", 90)));
        assertThat(even.worst()).isEmpty();
        SlowRanks brief = new SlowRanks(4);
        brief.add(List.of(result(0, "a", 1), result(1, "b", 9)));
        assertThat(brief.worst()).isEmpty();
        SlowRanks alone = new SlowRanks(4);
        alone.add(List.of(result(0, "a", 60)));
        assertThat(alone.worst()).isEmpty();
    }
}
