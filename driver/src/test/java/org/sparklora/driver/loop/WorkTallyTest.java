package org.sparklora.driver.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.freeze.Transition;
import org.sparklora.driver.loop.WorkCounter.Stretch;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.train.StepReport;

class WorkTallyTest {

    private static final LoraManifest MANIFEST = new LoraManifest(List.of(), BiasMode.NONE, List.of(), List.of());
    private static final FreezeState TOP = FreezeState.of(Map.of("top", GroupState.LIVE, "low", GroupState.DORMANT));
    private static final FreezeState BOTH = FreezeState.of(Map.of("top", GroupState.LIVE, "low", GroupState.LIVE));
    private static final CachePlan CACHE = new CachePlan(2, Precision.FLOAT32, "d", "test");

    private final WorkTally tally = new WorkTally();

    private static EpochPlan plan(int epoch, FreezeState state, CachePlan cache) {
        ShardPlan shards = new ShardPlan(2, 8, 80, false);
        return new EpochPlan(epoch, MANIFEST, state, shards, AdapterSnapshot.EMPTY, cache);
    }

    private static List<StepReport> steps(int count, int examples) {
        return IntStream.range(0, count)
                .mapToObj(k -> new StepReport(k, 0.5f, examples, 1f, new TreeMap<>()))
                .toList();
    }

    private static Transition thaw(String group) {
        return new Transition(group, GroupState.DORMANT, GroupState.LIVE, OptimizerStateOnThaw.KEEP, "test");
    }

    @Test
    void theEpochThatKeepsRunsThePrefixAndThoseAfterItDoNot() {
        tally.begins(plan(0, TOP, CACHE));
        tally.kept(0);
        tally.stepsDone(steps(10, 8));
        assertThat(tally.stretches()).containsExactly(new Stretch(TOP, 10, 80, false));
        tally.begins(plan(1, TOP, CACHE));
        tally.stepsDone(steps(4, 8));
        tally.stepsDone(steps(6, 8));
        assertThat(tally.stretches()).containsExactly(new Stretch(TOP, 10, 80, true));
        tally.begins(plan(2, TOP, CachePlan.off("test")));
        tally.stepsDone(steps(10, 8));
        assertThat(tally.stretches()).containsExactly(new Stretch(TOP, 10, 80, false));
    }

    @Test
    void aMoveWithinAnEpochBeginsANewStretch() {
        tally.moved(thaw("low")); // Before the epoch: its plan knows of it.
        tally.begins(plan(0, TOP, CachePlan.off("test")));
        tally.stepsDone(steps(3, 8));
        tally.added("new");
        tally.moved(thaw("low"));
        tally.stepsDone(steps(7, 8));
        FreezeState after = BOTH.over(List.of("top", "low", "new"));
        assertThat(tally.stretches()).containsExactly(new Stretch(TOP, 3, 24, false), new Stretch(after, 7, 56, false));
    }
}
