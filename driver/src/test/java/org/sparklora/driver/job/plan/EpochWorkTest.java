package org.sparklora.driver.job.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.EpochSchedule.Event;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.ThawOnPlateau;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.TextStatistics;

/** The counts of a run are those of {@code plan}, of the states that its policy brought about. */
class EpochWorkTest {

    private static final TextStatistics LENGTHS = new TextStatistics(4, 0, Map.of(10, 3L, 30, 1L));

    /** Five steps: four of 4 rows, and one of 2. */
    private static final ShardPlan SHARDS = new ShardPlan(2, 4, 18, false);

    private static final FreezeState TOP_ONLY = state(GroupState.LIVE, GroupState.DORMANT);
    private static final FreezeState BOTH = state(GroupState.LIVE, GroupState.LIVE);

    private final StepCost cost = StepCostTest.cost(LENGTHS);

    private static FreezeState state(GroupState top, GroupState bottom) {
        return FreezeState.of(Map.of("top", top, "bottom", bottom));
    }

    private EpochWork work(FreezePolicy policy, double rowsTogether, List<EpochMetrics> before) {
        FreezeState initial = policy.initial(Set.of("top", "bottom"), Set.of());
        EpochWork.Run run =
                new EpochWork.Run(policy, RunLength.ofEpochs(9, SHARDS.stepsPerEpoch()), initial, StepCostTest.PLANNER);
        return new EpochWork(cost, run, LENGTHS, rowsTogether, before);
    }

    private EpochWork together(double rows) {
        return work(new EpochSchedule(List.of("top"), List.of()), rows, List.of());
    }

    private static EpochMetrics metrics(int epoch, double loss) {
        return new EpochMetrics(epoch, loss, new TreeMap<>(Map.of("loss", loss)), new TreeMap<>());
    }

    private static double get(SortedMap<String, Number> work, String key) {
        return work.getOrDefault(key, Double.NaN).doubleValue();
    }

    @Test
    void shareOfOperationsIsWhatThePlanTells() {
        EpochWork work = together(4);
        SortedMap<String, Number> keeps = work.count(metrics(0, 1), Padding.NONE);
        assertThat(get(keeps, "flops"))
                .as("the first epoch runs the prefix, to keep it")
                .isCloseTo(18 * cost.operations(TOP_ONLY, false), within(1e-3));
        SortedMap<String, Number> held = work.count(metrics(1, 1), new Padding(300, 30));
        double whole = get(held, "flops_without_freezing");
        assertThat(get(held, "flops") / whole).isCloseTo(cost.relative(TOP_ONLY, true), within(1e-12));
        assertThat(get(held, "flops_without_cache") / whole).isCloseTo(cost.relative(TOP_ONLY, false), within(1e-12));
        assertThat(get(held, "flops_of_padding")).isCloseTo(0.1 * get(held, "flops"), within(1e-3));
        assertThat(held.get("all_reduce_bytes")).isEqualTo(5 * cost.allReduceBytes(TOP_ONLY));
        assertThat(held.get("all_reduce_bytes_without_freezing")).isEqualTo(5 * cost.allReduceBytes(BOTH));
        assertThat(held.get("steps")).isEqualTo(5L);
    }

    @Test
    void whatGroupsDoWithinAnEpochIsCountedStretchByStretch() {
        Event inMidEpoch =
                Event.thaw(0, List.of("bottom"), OptimizerStateOnThaw.KEEP).atStep(2);
        SortedMap<String, Number> counted = work(new EpochSchedule(List.of("top"), List.of(inMidEpoch)), 4, List.of())
                .count(metrics(0, 1), Padding.NONE);
        // Two steps of 4 rows, then two of 4 and one of 2.
        assertThat(get(counted, "flops"))
                .isCloseTo(8 * cost.operations(TOP_ONLY, false) + 10 * cost.operations(BOTH, false), within(1e-3));
        assertThat(counted.get("all_reduce_bytes"))
                .isEqualTo(2 * cost.allReduceBytes(TOP_ONLY) + 3 * cost.allReduceBytes(BOTH));
        assertThat(get(counted, "flops_of_padding")).isZero();
    }

    @Test
    void aRunThatGoesOnCountsLikeOneThatNeverEnded() {
        // Thaws the bottom once the loss has stopped falling.
        FreezePolicy policy = new ThawOnPlateau(
                List.of("top"),
                List.of("top", "bottom"),
                new ThawOnPlateau.Watch("loss", 0, 1),
                new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                false);
        List<EpochMetrics> epochs = List.of(metrics(0, 1), metrics(1, 1), metrics(2, 1), metrics(3, 0.5));
        EpochWork whole = work(policy, 4, List.of());
        List<SortedMap<String, Number>> counted = new ArrayList<>();
        epochs.forEach(epoch -> counted.add(whole.count(epoch, Padding.NONE)));
        assertThat(get(counted.get(3), "flops")).isGreaterThan(get(counted.get(1), "flops"));
        for (int done = 0; done < epochs.size(); done++) {
            EpochWork resumed = work(policy, 4, epochs.subList(0, done));
            for (int epoch = done; epoch < epochs.size(); epoch++) {
                assertThat(resumed.count(epochs.get(epoch), Padding.NONE))
                        .as("epoch %d of a run that goes on after %d", epoch, done)
                        .isEqualTo(counted.get(epoch));
            }
        }
    }

    @Test
    void rowsDrawnAtRandomArePaddedToTheLongestExpected() {
        // Of two rows, 9 in 16 pairs are both short.
        assertThat(together(2).expectedLongest()).isCloseTo(10 * 9 / 16.0 + 30 * 7 / 16.0, within(1e-12));
        assertThat(together(1).expectedLongest()).isCloseTo(15, within(1e-12));
        assertThat(together(1000).expectedLongest()).isCloseTo(30, within(1e-6));
    }
}
