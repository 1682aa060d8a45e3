package org.sparklora.driver.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.data.TextStatistics;
import org.sparklora.driver.loop.WorkCounter.Stretch;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.data.Padding;

/** The counts of a run are those of {@code plan}. */
class EpochWorkTest {

    private static final TextStatistics LENGTHS = new TextStatistics(4, 0, Map.of(10, 3L, 30, 1L));

    private final StepCost cost = StepCostTest.cost(LENGTHS);

    private static FreezeState state(GroupState top, GroupState bottom) {
        return FreezeState.of(Map.of("top", top, "bottom", bottom));
    }

    private static double get(SortedMap<String, Number> work, String key) {
        return work.getOrDefault(key, Double.NaN).doubleValue();
    }

    @Test
    void shareOfOperationsIsWhatThePlanTells() {
        FreezeState topOnly = state(GroupState.LIVE, GroupState.DORMANT);
        SortedMap<String, Number> held =
                new EpochWork(cost, LENGTHS, 4).count(List.of(new Stretch(topOnly, 5, 20, true)), new Padding(300, 30));
        double whole = get(held, "flops_without_freezing");
        assertThat(get(held, "flops") / whole).isCloseTo(cost.relative(topOnly, true), within(1e-12));
        assertThat(get(held, "flops_without_cache") / whole).isCloseTo(cost.relative(topOnly, false), within(1e-12));
        assertThat(get(held, "flops_of_padding")).isCloseTo(0.1 * get(held, "flops"), within(1e-3));
        assertThat(held.get("all_reduce_bytes")).isEqualTo(5 * cost.allReduceBytes(topOnly));
        assertThat(held.get("all_reduce_bytes_without_freezing"))
                .isEqualTo(5 * cost.allReduceBytes(state(GroupState.LIVE, GroupState.LIVE)));
        assertThat(held.get("steps")).isEqualTo(5L);
    }

    @Test
    void whatGroupsDoWithinAnEpochIsCountedStretchByStretch() {
        FreezeState both = state(GroupState.LIVE, GroupState.LIVE);
        FreezeState frozen = state(GroupState.LIVE, GroupState.FROZEN);
        EpochWork work = new EpochWork(cost, LENGTHS, 4);
        double sum = get(work.count(List.of(new Stretch(both, 2, 8, false)), Padding.NONE), "flops")
                + get(work.count(List.of(new Stretch(frozen, 3, 12, false)), Padding.NONE), "flops");
        SortedMap<String, Number> together =
                work.count(List.of(new Stretch(both, 2, 8, false), new Stretch(frozen, 3, 12, false)), Padding.NONE);
        assertThat(get(together, "flops")).isCloseTo(sum, within(1e-3));
        assertThat(get(together, "flops_of_padding")).isZero();
        assertThat(together.get("steps")).isEqualTo(5L);
    }

    @Test
    void rowsDrawnAtRandomArePaddedToTheLongestExpected() {
        // Of two rows, 9 in 16 pairs are both short.
        assertThat(new EpochWork(cost, LENGTHS, 2).expectedLongest())
                .isCloseTo(10 * 9 / 16.0 + 30 * 7 / 16.0, within(1e-12));
        assertThat(new EpochWork(cost, LENGTHS, 1).expectedLongest()).isCloseTo(15, within(1e-12));
        assertThat(new EpochWork(cost, LENGTHS, 1000).expectedLongest()).isCloseTo(30, within(1e-6));
    }
}
