package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.TreeSet;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** What freezing and thawing does to the tensors themselves, and what it leaves alone. */
class FreezeThawTest {

    private static final GroupSettings SLOW = new GroupSettings(0.0, false, 0.25, 4);
    private static final LoraGroup TOP = TinyModel.group(11, GroupSettings.PLAIN);
    private static final LoraGroup BOTTOM = TinyModel.group(0, SLOW);
    private static final LoraManifest BOTH = TinyModel.manifest(BOTTOM, TOP);
    private static final AdapterSnapshot FIRST = TinyModel.values(BOTH);
    private static final String BOTTOM_A = BOTTOM.modules().get(0).loraA();
    private static final String TOP_A = TOP.modules().get(0).loraA();

    private static TrainState state(LoraManifest manifest, Map<String, GroupState> states) {
        return new TrainState(manifest, TinyModel.freeze(manifest, states), FIRST);
    }

    private static OptimizerSettings optimizer(double weightDecay, OptionalDouble clip) {
        return new OptimizerSettings(
                0.1,
                new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 100),
                new AdamW(ReferenceAdamW.BETA1, ReferenceAdamW.BETA2, ReferenceAdamW.EPSILON, weightDecay),
                clip);
    }

    /** One step whose mean gradient is the same number everywhere. */
    private static StepReport step(TrainState state, OptimizerSettings optimizer, int step, float gradient) {
        return TinyModel.step(state, optimizer).run(step, step, (s, live) -> {
            float[] flat = new float[live.length];
            Arrays.fill(flat, gradient);
            return new ShardSum(1, 1, 1, Padding.NONE, flat);
        });
    }

    /** One step with the model's own gradient. */
    private static StepReport realStep(TrainState state, OptimizerSettings optimizer, int step) {
        return TinyModel.step(state, optimizer)
                .run(
                        step,
                        step,
                        (s, live) -> new ShardPass(
                                        TinyModel.BASE,
                                        TinyModel.HEAD,
                                        TinyModel.settings(DropoutRates.NONE),
                                        TinyModel.plan(state.manifest(), state.freeze(), state.snapshot()))
                                .sum(live, s, 0, List.of(Batch.of(TinyModel.examples(5, s), 0))));
    }

    private static Map<String, AdamW.Moments> moments(TrainState state, LoraGroup group) {
        Map<String, AdamW.Moments> moments = new TreeMap<>();
        state.manifest()
                .tensors(group.name())
                .forEach(t -> moments.put(t.name(), state.moments(t.name()).copy()));
        return moments;
    }

    private static AdapterSnapshot values(TrainState state, LoraGroup group) {
        TreeSet<String> names = new TreeSet<>();
        state.manifest().tensors(group.name()).stream().map(TensorSpec::name).forEach(names::add);
        return state.snapshot().only(names::contains);
    }

    @Test
    void aFrozenGroupKeepsValuesMomentsAndStepCountsWhileOthersTrain() {
        TrainState state = state(BOTH, Map.of());
        OptimizerSettings optimizer = optimizer(0.1, OptionalDouble.of(1.0));
        realStep(state, optimizer, 0);
        realStep(state, optimizer, 1);
        state.freeze(BOTTOM.name());
        AdapterSnapshot values = values(state, BOTTOM);
        Map<String, AdamW.Moments> moments = moments(state, BOTTOM);
        AdapterSnapshot top = values(state, TOP);
        for (int k = 2; k < 5; k++) {
            assertThat(realStep(state, optimizer, k).groups()).containsOnlyKeys("head", TOP.name());
        }
        assertThat(values(state, BOTTOM)).isEqualTo(values);
        assertThat(moments(state, BOTTOM)).isEqualTo(moments);
        assertThat(state.moments(BOTTOM_A).steps()).isEqualTo(2);
        assertThat(state.stepsSinceThaw(BOTTOM.name())).isEqualTo(2);
        assertThat(values(state, TOP)).isNotEqualTo(top);
        assertThat(state.moments(TOP_A).steps()).isEqualTo(5);
    }

    @Test
    void onlyLiveTensorsHaveAGradient() {
        LoraGroup middle = TinyModel.group(5, GroupSettings.PLAIN);
        LoraManifest manifest = TinyModel.manifest(BOTTOM, middle, TOP);
        Map<String, GroupState> states = Map.of(
                BOTTOM.name(), GroupState.FROZEN, middle.name(), GroupState.DORMANT, TOP.name(), GroupState.LIVE);
        FreezePlan plan = TinyModel.freezePlan(manifest, TinyModel.freeze(manifest, states));
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model =
                    new AdaptedModel(manager, TinyModel.BASE, TinyModel.HEAD, plan, TinyModel.values(manifest), true);
            TreeSet<String> withGradient = new TreeSet<>();
            for (String group : List.of(BOTTOM.name(), TOP.name(), "head")) {
                for (TensorSpec tensor : manifest.tensors(group)) {
                    if (model.adapters().tensor(tensor.name()).isTracked()) {
                        withGradient.add(tensor.name());
                    }
                }
            }
            TreeSet<String> live = new TreeSet<>();
            plan.slots().forEach(slot -> live.add(slot.tensor().name()));
            assertThat(withGradient).isEqualTo(live).hasSize(2 * 2 + 2);
            assertThat(middle.modules())
                    .allMatch(m -> model.adapters().find(m.loraA()).isEmpty());
        }
    }

    @Test
    void aFrozenGroupHasNoPartInTheClipNorm() {
        TrainState with = state(BOTH, Map.of(BOTTOM.name(), GroupState.FROZEN));
        TrainState without = state(TinyModel.manifest(TOP), Map.of());
        OptimizerSettings clipping = optimizer(0.01, OptionalDouble.of(1.0));
        for (int k = 0; k < 3; k++) {
            StepReport a = step(with, clipping, k, 3f);
            StepReport b = step(without, clipping, k, 3f);
            assertThat(a.gradNorm()).isEqualTo(b.gradNorm());
        }
        assertThat(values(with, TOP)).isEqualTo(values(without, TOP)).isNotEqualTo(values(state(BOTH, Map.of()), TOP));
    }

    @Test
    void weightDecayShrinksLiveTensorsAndNoFrozenOne() {
        TrainState state = state(BOTH, Map.of(BOTTOM.name(), GroupState.FROZEN));
        AdapterSnapshot before = state.snapshot();
        step(state, optimizer(0.5, OptionalDouble.empty()), 0, 0f);
        assertThat(values(state, BOTTOM)).isEqualTo(before.only(name -> name.contains(".layer.0.")));
        float[] was = before.view(TOP_A);
        float[] is = state.snapshot().view(TOP_A);
        for (int i = 0; i < was.length; i++) {
            assertThat(is[i]).isCloseTo(0.95f * was[i], Offset.offset(1e-7f));
        }
    }

    @Test
    void baseWeightsKeepTheirBitsAndNeverHaveAGradientWhateverThaws() {
        Map<String, float[]> before = baseWeights();
        TrainState state = state(BOTH, Map.of(BOTTOM.name(), GroupState.DORMANT));
        OptimizerSettings optimizer = optimizer(0.5, OptionalDouble.empty());
        realStep(state, optimizer, 0);
        state.thaw(BOTTOM.name(), OptimizerStateOnThaw.KEEP, FIRST);
        realStep(state, optimizer, 1);
        state.freeze(TOP.name());
        realStep(state, optimizer, 2);
        Map<String, float[]> after = baseWeights();
        assertThat(after).hasSizeGreaterThan(190).hasSameSizeAs(before);
        before.forEach((name, values) -> {
            assertThat(after.get(name)).as(name).isEqualTo(values);
            assertThat(TinyModel.BASE.weight(name).hasGradient()).as(name).isFalse();
        });
    }

    private static Map<String, float[]> baseWeights() {
        Map<String, float[]> weights = new TreeMap<>();
        try (SafetensorsFile file =
                SafetensorsFile.open(TinyModel.BASE.directory().resolve("model.safetensors"))) {
            for (String name : file.names()) {
                TinyModel.BASE.optional(name).ifPresent(w -> weights.put(name, Tensors.toFloats(w)));
            }
        }
        return weights;
    }

    @ParameterizedTest
    @EnumSource
    void aThawedGroupMovesByKeptFreshOrDecayedMoments(OptimizerStateOnThaw kept) {
        OptimizerSettings optimizer = optimizer(0.01, OptionalDouble.empty());
        TrainState state = state(BOTH, Map.of());
        ReferenceAdamW expected = new ReferenceAdamW(FIRST.view(BOTTOM_A)[0]);
        int k = 0;
        for (; k < 3; k++) {
            step(state, optimizer, k, 1f);
            expected.step(1, rate(k), 0.01);
        }
        state.freeze(BOTTOM.name());
        for (; k < 5; k++) {
            step(state, optimizer, k, 7f);
        }
        state.thaw(BOTTOM.name(), kept, FIRST);
        switch (kept) {
            case KEEP -> {}
            case FRESH -> {
                expected.first = 0;
                expected.second = 0;
                expected.steps = 0;
            }
            case DECAY -> {
                expected.first *= 0.1;
                expected.second *= 0.1;
            }
        }
        for (; k < 7; k++) {
            step(state, optimizer, k, -0.5f);
            expected.step(-0.5, rate(k - 5), 0.01);
        }
        assertThat((double) state.snapshot().view(BOTTOM_A)[0]).isCloseTo(expected.value, Offset.offset(2e-6));
        assertThat((double) state.moments(BOTTOM_A).first()[0]).isCloseTo(expected.first, Offset.offset(1e-6));
        assertThat((double) state.moments(BOTTOM_A).second()[0]).isCloseTo(expected.second, Offset.offset(1e-6));
        assertThat(state.moments(BOTTOM_A).steps()).isEqualTo(expected.steps);
    }

    /** Learning rate × the group's scale × its warm-up of four steps, k steps after a thaw. */
    private static double rate(int k) {
        return 0.1 * 0.25 * Math.min(1.0, (k + 1) / 4.0);
    }

    @Test
    void aGroupsScaleIsTheShareByWhichItsTensorsMove() {
        LoraGroup quarter = TinyModel.group(0, new GroupSettings(0.0, false, 0.25, 0));
        TrainState state = state(TinyModel.manifest(quarter, TOP), Map.of());
        step(state, optimizer(0, OptionalDouble.empty()), 0, 2f);
        // AdamW's first step moves every element by its rate, whatever the gradient's size.
        assertThat(FIRST.view(TOP_A)[5] - state.snapshot().view(TOP_A)[5]).isCloseTo(0.1f, Offset.offset(1e-6f));
        assertThat(FIRST.view(BOTTOM_A)[5] - state.snapshot().view(BOTTOM_A)[5])
                .isCloseTo(0.025f, Offset.offset(1e-6f));
    }

    @Test
    void warmUpBeginsAgainWithEveryThaw() {
        OptimizerSettings optimizer = optimizer(0, OptionalDouble.empty());
        TrainState state = state(BOTH, Map.of(BOTTOM.name(), GroupState.DORMANT));
        int k = 0;
        for (int thaw = 0; thaw < 2; thaw++) {
            state.thaw(BOTTOM.name(), OptimizerStateOnThaw.FRESH, FIRST);
            float before = state.snapshot().view(BOTTOM_A)[0];
            for (int since = 0; since < 6; since++) {
                StepReport report = step(state, optimizer, k++, 1f);
                assertThat(Objects.requireNonNull(report.groups().get(BOTTOM.name()))
                                .learningRate())
                        .isCloseTo(rate(since), Offset.offset(1e-15));
                if (since == 0) {
                    assertThat(before - state.snapshot().view(BOTTOM_A)[0])
                            .as("the first step of a warm-up of four")
                            .isCloseTo(0.1f * 0.25f / 4, Offset.offset(1e-6f));
                }
            }
            state.freeze(BOTTOM.name());
            step(state, optimizer, k++, 1f);
        }
    }
}
