package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.lora.PlainLora;

/** LoRA+ on the tensors: which ones learn faster, by how much, and what stays as it is without. */
class LoraPlusTest {

    private static final double RATE = 0.01;
    private static final double DECAY = 0.1;
    private static final double RATIO = 16;
    private static final float[] GRADIENTS = {0.5f, 2f, 0.25f};
    private static final Offset<Double> CLOSE = Offset.offset(2e-6);

    private static final String GROUP = TinyModel.name(11);
    private static final String QUERY = "bert.encoder.layer.11.attention.self.query";

    private static LoraManifest manifest(GroupSettings settings) {
        return new LoraManifest(
                PlainLora.INSTANCE,
                List.of(TinyModel.group(11, settings)),
                BiasMode.LORA_ONLY,
                HeadLayers.classifier(TinyModel.HIDDEN).tensors(2),
                List.of());
    }

    /** Every tensor starts at 0.5, biases too. */
    private static TrainState state(LoraManifest manifest) {
        Map<String, float[]> values = new TreeMap<>();
        manifest.names()
                .forEach(group -> manifest.tensors(group).forEach(t -> {
                    float[] v = new float[t.size()];
                    Arrays.fill(v, 0.5f);
                    values.put(t.name(), v);
                }));
        return new TrainState(manifest, TinyModel.freeze(manifest, Map.of()), new AdapterSnapshot(values));
    }

    private static StepReport step(TrainState state, OptimizerSettings optimizer, int step, float gradient) {
        return TinyModel.step(state, optimizer).run(step, step, (s, live) -> {
            float[] flat = new float[live.length];
            Arrays.fill(flat, gradient);
            return new ShardSum(1, 1, 1, Padding.NONE, flat);
        });
    }

    private static boolean isFaster(TensorSpec tensor) {
        return tensor.name().contains("lora_B") || tensor.shape().size() == 1;
    }

    @Test
    void bAndBiasesLearnAtTheRatioAAndTheHeadsWeightAtTheGroupsRate() {
        LoraManifest manifest = manifest(GroupSettings.PLAIN);
        TrainState state = state(manifest);
        OptimizerSettings plus = ReferenceAdamW.settings(RATE, DECAY).withLoraPlus(RATIO);
        ReferenceAdamW slow = new ReferenceAdamW(0.5);
        ReferenceAdamW fast = new ReferenceAdamW(0.5);
        for (int k = 0; k < GRADIENTS.length; k++) {
            step(state, plus, k, GRADIENTS[k]);
            slow.step(GRADIENTS[k], RATE, DECAY);
            fast.step(GRADIENTS[k], RATE * RATIO, DECAY);
        }
        AdapterSnapshot end = state.snapshot();
        assertThat(at(end, QUERY + ".lora_A.weight")).isCloseTo(slow.value, CLOSE);
        assertThat(at(end, "classifier.weight")).isCloseTo(slow.value, CLOSE);
        assertThat(at(end, QUERY + ".lora_B.weight")).isCloseTo(fast.value, CLOSE);
        assertThat(at(end, QUERY + ".bias")).isCloseTo(fast.value, CLOSE);
        assertThat(at(end, "classifier.bias")).isCloseTo(fast.value, CLOSE);
        assertThat(slow.value - fast.value).as("the two differ").isGreaterThan(0.1);
    }

    @Test
    void weightDecayIsThatOfTheJobForEveryTensorBiasesToo() {
        LoraManifest manifest = manifest(GroupSettings.PLAIN);
        TrainState state = state(manifest);
        step(state, ReferenceAdamW.settings(RATE, DECAY).withLoraPlus(RATIO), 0, 0f);
        AdapterSnapshot end = state.snapshot();
        manifest.names()
                .forEach(group -> manifest.tensors(group).forEach(t -> {
                    double rate = isFaster(t) ? RATE * RATIO : RATE;
                    assertThat(at(end, t.name())).as(t.name()).isCloseTo(0.5 * (1 - rate * DECAY), Offset.offset(1e-7));
                }));
    }

    @Test
    void aRatioOfOneChangesNoBit() {
        TrainState plain = state(manifest(GroupSettings.PLAIN));
        TrainState one = state(manifest(GroupSettings.PLAIN));
        OptimizerSettings settings = ReferenceAdamW.settings(RATE, DECAY);
        for (int k = 0; k < GRADIENTS.length; k++) {
            step(plain, settings, k, GRADIENTS[k]);
            step(one, settings.withLoraPlus(1.0), k, GRADIENTS[k]);
        }
        assertThat(one.capture()).isEqualTo(plain.capture());
    }

    @Test
    void theRatioComesOnTopOfScaleAndWarmUpAndTheReportTellsTheGroupsRate() {
        TrainState state = state(manifest(new GroupSettings(0.0, false, 0.5, 4)));
        state.freeze(GROUP);
        state.thaw(GROUP, OptimizerStateOnThaw.FRESH, state.snapshot());
        OptimizerSettings plus = ReferenceAdamW.settings(RATE, 0).withLoraPlus(RATIO);
        ReferenceAdamW slow = new ReferenceAdamW(0.5);
        ReferenceAdamW fast = new ReferenceAdamW(0.5);
        for (int k = 0; k < GRADIENTS.length; k++) {
            double groupRate = RATE * 0.5 * (k + 1) / 4;
            StepReport report = step(state, plus, k, GRADIENTS[k]);
            assertThat(java.util.Objects.requireNonNull(report.groups().get(GROUP))
                            .learningRate())
                    .isCloseTo(groupRate, Offset.offset(1e-15));
            slow.step(GRADIENTS[k], groupRate, 0);
            fast.step(GRADIENTS[k], groupRate * RATIO, 0);
        }
        assertThat(at(state.snapshot(), QUERY + ".lora_A.weight")).isCloseTo(slow.value, CLOSE);
        assertThat(at(state.snapshot(), QUERY + ".lora_B.weight")).isCloseTo(fast.value, CLOSE);
    }

    @Test
    void theRatioTravelsToTheExecutors() throws IOException, ClassNotFoundException {
        OptimizerSettings plus = ReferenceAdamW.settings(RATE, DECAY).withLoraPlus(RATIO);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(plus);
        }
        OptimizerSettings there;
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            there = (OptimizerSettings) in.readObject();
        }
        TrainState a = state(manifest(GroupSettings.PLAIN));
        TrainState b = state(manifest(GroupSettings.PLAIN));
        step(a, plus, 0, 1f);
        step(b, there, 0, 1f);
        assertThat(b.capture()).isEqualTo(a.capture());
    }

    @Test
    void refusesARatioThatIsNoNumberAboveZero() {
        OptimizerSettings settings = ReferenceAdamW.settings(RATE, DECAY);
        for (double ratio : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> settings.withLoraPlus(ratio)).hasMessageContaining("loraplus_lr_ratio " + ratio);
        }
    }

    /** All elements of a tensor are alike here; the last one speaks for them. */
    private static double at(AdapterSnapshot snapshot, String tensor) {
        float[] values = snapshot.view(tensor);
        assertThat(values).containsOnly(values[0]);
        return values[values.length - 1];
    }
}
