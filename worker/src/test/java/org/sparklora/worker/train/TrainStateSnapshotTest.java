package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

/** A state taken apart and put together again trains on as if nothing had happened. */
class TrainStateSnapshotTest {

    private static final LoraGroup TOP = TinyModel.group(11, new GroupSettings(0.0, false, 1.0, 7));
    private static final LoraGroup MIDDLE = TinyModel.group(5, GroupSettings.PLAIN);
    private static final LoraGroup BOTTOM = TinyModel.group(0, GroupSettings.PLAIN);
    private static final OptimizerSettings OPTIMIZER = new OptimizerSettings(
            0.1,
            new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 10),
            new AdamW(0.9, 0.999, 1e-8, 0.01),
            OptionalDouble.of(1.0));

    private static TrainState start(LoraManifest manifest, Map<String, GroupState> states) {
        return new TrainState(manifest, TinyModel.freeze(manifest, states), TinyModel.values(manifest));
    }

    private static void steps(TrainState state, int from, int count) {
        TrainStep step = TinyModel.step(state, OPTIMIZER);
        for (int k = from; k < from + count; k++) {
            float value = 1f + k % 3;
            step.run(k, k, (s, live) -> {
                float[] gradient = new float[live.length];
                Arrays.fill(gradient, value);
                return new ShardSum(2, 1, 1, Padding.NONE, gradient);
            });
        }
    }

    private static TrainState again(LoraManifest manifest, TrainState state) {
        return TrainState.restore(manifest, TrainStateCodec.decodeState(TrainStateCodec.encode(state.capture())));
    }

    @Test
    void aRestoredStateTrainsOnBitForBit() {
        LoraManifest manifest = TinyModel.manifest(TOP, BOTTOM);
        for (OptimizerStateOnThaw kept : OptimizerStateOnThaw.values()) {
            TrainState through = start(manifest, Map.of());
            steps(through, 0, 3);
            through.freeze(BOTTOM.name());
            steps(through, 3, 2);
            TrainState resumed = again(manifest, through);
            for (TrainState state : List.of(through, resumed)) {
                state.thaw(BOTTOM.name(), kept, TinyModel.values(manifest));
                steps(state, 5, 3);
            }
            assertThat(resumed.capture()).as(kept.label()).isEqualTo(through.capture());
        }
    }

    @Test
    void aSnapshotDoesNotMoveWithItsState() {
        LoraManifest manifest = TinyModel.manifest(TOP);
        TrainState state = start(manifest, Map.of());
        TrainStateSnapshot before = state.capture();
        byte[] bytes = TrainStateCodec.encode(before);
        steps(state, 0, 1);
        steps(TrainState.restore(manifest, before), 0, 1);
        assertThat(TrainStateCodec.encode(before)).isEqualTo(bytes);
        assertThat(state.capture()).isNotEqualTo(before);
    }

    @Test
    void anAddedGroupIsDormantAndThawsAsIfItHadBeenThere() {
        LoraManifest small = TinyModel.manifest(TOP);
        LoraManifest large = TinyModel.manifest(TOP, MIDDLE);
        TrainState fromStart = start(large, Map.of(MIDDLE.name(), GroupState.DORMANT));
        TrainState before = start(small, Map.of());
        steps(fromStart, 0, 3);
        steps(before, 0, 3);
        TrainState added = again(large, before);
        assertThat(added.capture()).isEqualTo(fromStart.capture());
        for (TrainState state : List.of(fromStart, added)) {
            state.thaw(MIDDLE.name(), OptimizerStateOnThaw.KEEP, TinyModel.values(large));
            steps(state, 3, 3);
        }
        assertThat(added.capture()).isEqualTo(fromStart.capture());
    }

    @Test
    void onlyADormantGroupMayGo() {
        LoraManifest both = TinyModel.manifest(TOP, BOTTOM);
        LoraManifest top = TinyModel.manifest(TOP);
        TrainState dormant = start(both, Map.of(BOTTOM.name(), GroupState.DORMANT));
        assertThat(again(top, dormant).freeze().states()).containsOnlyKeys(TOP.name());
        TrainState frozen = start(both, Map.of(BOTTOM.name(), GroupState.FROZEN));
        assertThatThrownBy(() -> again(top, frozen))
                .hasMessageContaining("'layer00'")
                .hasMessageContaining("frozen");
    }

    @Test
    void aSnapshotOfOtherShapesIsRefused() {
        TrainStateSnapshot snapshot = start(TinyModel.manifest(TOP), Map.of()).capture();
        LoraGroup other = new LoraGroup(TOP.name(), "test", MIDDLE.modules(), GroupSettings.PLAIN);
        assertThatThrownBy(() -> TrainState.restore(TinyModel.manifest(other), snapshot))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
