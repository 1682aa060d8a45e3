package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Map;
import java.util.OptionalDouble;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.TensorSpec;

class TrainStepTest {

    private static final String TOP = TinyModel.name(11);
    private static final String BOTTOM = TinyModel.name(0);

    private final LoraManifest manifest = TinyModel.manifest(
            TinyModel.group(0, new GroupSettings(0.0, false, 0.25, 4)), TinyModel.group(11, GroupSettings.PLAIN));
    private final AdapterSnapshot first = TinyModel.values(manifest);

    private static OptimizerSettings optimizer(OptionalDouble clip) {
        return new OptimizerSettings(
                0.1,
                new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 10),
                new AdamW(0.9, 0.999, 1e-8, 0.01),
                clip);
    }

    private TrainState state(GroupState bottom) {
        return new TrainState(manifest, TinyModel.freeze(manifest, Map.of(BOTTOM, bottom)), first);
    }

    private static GradientExchange constant(float value, double weight) {
        return (step, live) -> {
            float[] gradient = new float[live.length];
            Arrays.fill(gradient, value);
            return new ShardSum(2.0 * weight, weight, (int) weight, Padding.NONE, gradient);
        };
    }

    @Test
    void dividesOnceByTheWeights() {
        TrainStep step = TinyModel.step(state(GroupState.DORMANT), optimizer(OptionalDouble.empty()));
        StepReport report = step.run(0, 0, constant(6f, 3.0));
        assertThat(report.loss()).isEqualTo(2f);
        assertThat(report.gradNorm())
                .isCloseTo(
                        2f
                                * (float) Math.sqrt(TinyModel.freezePlan(
                                                manifest,
                                                state(GroupState.DORMANT).freeze())
                                        .trainableParameters()),
                        Offset.offset(1e-4f));
        assertThat(report.examples()).isEqualTo(3);
    }

    @Test
    void aLossThatIsNotANumberStopsBeforeTheUpdate() {
        TrainState state = state(GroupState.LIVE);
        AdapterSnapshot before = state.snapshot();
        TrainStep step = TinyModel.step(state, optimizer(OptionalDouble.empty()));
        assertThatThrownBy(() -> step.run(
                        17, 0, (s, live) -> new ShardSum(Double.NaN, 4, 4, Padding.NONE, new float[live.length])))
                .isInstanceOf(DivergedException.class)
                .hasMessageContaining("step 17")
                .hasMessageContaining("NaN")
                .hasMessageEndingWith("[diverged.loss]");
        assertThatThrownBy(() -> step.run(17, 0, constant(Float.POSITIVE_INFINITY, 4)))
                .isInstanceOf(DivergedException.class)
                .hasMessageContaining("'head', 'layer00', 'layer11'")
                .hasMessageEndingWith("[diverged.gradient]");
        assertThat(state.snapshot()).isEqualTo(before);
        assertThat(state.moments("classifier.bias").steps()).isZero();
        assertThat(state.stepsSinceThaw(TOP)).isZero();
    }

    @Test
    void aFrozenGroupKeepsItsBitsAndItsMoments() {
        TrainState state = state(GroupState.LIVE);
        TinyModel.step(state, optimizer(OptionalDouble.of(1.0))).run(0, 0, constant(1f, 4));
        state.freeze(BOTTOM);
        AdapterSnapshot frozen = state.snapshot();
        StepReport report =
                TinyModel.step(state, optimizer(OptionalDouble.of(1.0))).run(1, 1, constant(1f, 4));
        assertThat(report.groups()).containsOnlyKeys("head", TOP);
        for (TensorSpec tensor : manifest.tensors(BOTTOM)) {
            assertThat(state.snapshot().view(tensor.name())).isEqualTo(frozen.view(tensor.name()));
            assertThat(state.moments(tensor.name()).steps()).isEqualTo(1);
        }
        state.thaw(BOTTOM, OptimizerStateOnThaw.KEEP, first);
        String a = manifest.tensors(BOTTOM).get(0).name();
        assertThat(state.moments(a).steps()).isEqualTo(1);
        assertThat(state.moments(a).first()[0]).isNotZero();
        state.freeze(BOTTOM);
        state.thaw(BOTTOM, OptimizerStateOnThaw.FRESH, first);
        assertThat(state.moments(a).steps()).isZero();
        assertThat(state.moments(a).first()).containsOnly(0f);
        TinyModel.step(state, optimizer(OptionalDouble.empty())).run(2, 2, constant(1f, 4));
        float moment = state.moments(a).first()[0];
        state.freeze(BOTTOM);
        state.thaw(BOTTOM, OptimizerStateOnThaw.DECAY, first);
        assertThat(state.moments(a).first()[0]).isEqualTo(moment * 0.1f);
        assertThat(state.moments(a).steps()).isEqualTo(1);
    }

    @Test
    void aThawDoesNotTouchValues() {
        TrainState state = state(GroupState.LIVE);
        String a = manifest.tensors(BOTTOM).get(0).name();
        TinyModel.step(state, optimizer(OptionalDouble.empty())).run(0, 0, constant(1f, 4));
        AdapterSnapshot frozen = state.snapshot();
        state.freeze(BOTTOM);
        state.thaw(BOTTOM, OptimizerStateOnThaw.FRESH, first);
        assertThat(state.snapshot().view(a)).as("values stay").isEqualTo(frozen.view(a));
    }

    @Test
    void aThawedGroupWarmsUpAtItsOwnScale() {
        TrainState state = state(GroupState.DORMANT);
        TinyModel.step(state, optimizer(OptionalDouble.empty())).run(0, 0, constant(1f, 4));
        state.thaw(BOTTOM, OptimizerStateOnThaw.KEEP, first);
        TrainStep step = TinyModel.step(state, optimizer(OptionalDouble.empty()));
        double[] rates = new double[6];
        for (int k = 0; k < rates.length; k++) {
            rates[k] = java.util.Objects.requireNonNull(
                            step.run(1 + k, k, constant(1f, 4)).groups().get(BOTTOM))
                    .learningRate();
        }
        assertThat(rates)
                .containsExactly(new double[] {0.00625, 0.0125, 0.01875, 0.025, 0.025, 0.025}, Offset.offset(1e-15));
    }

    @Test
    void clippingScalesTheWholeGradient() {
        TrainState clipped = state(GroupState.LIVE);
        TrainState small = state(GroupState.LIVE);
        int size = TinyModel.freezePlan(manifest, clipped.freeze()).trainableParameters();
        float unit = (float) (1.0 / Math.sqrt(size));
        StepReport report =
                TinyModel.step(clipped, optimizer(OptionalDouble.of(1.0))).run(0, 0, constant(100f, 1));
        TinyModel.step(small, optimizer(OptionalDouble.empty())).run(0, 0, constant(unit, 1));
        assertThat(report.gradNorm()).as("before clipping").isGreaterThan(99f);
        assertThat(clipped.moments("classifier.bias").first()[0])
                .isCloseTo(small.moments("classifier.bias").first()[0], Offset.offset(1e-7f));
    }

    @Test
    void examplesWithoutWeightChangeNothingButDecay() {
        TrainState state = state(GroupState.DORMANT);
        StepReport report =
                TinyModel.step(state, optimizer(OptionalDouble.empty())).run(0, 0, constant(0f, 0));
        assertThat(report.loss()).isZero();
        assertThat(report.gradNorm()).isZero();
    }
}
