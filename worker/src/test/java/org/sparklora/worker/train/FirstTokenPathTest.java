package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.golden.EncoderCase;
import org.sparklora.worker.lora.Initializers;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;

/** The last layer for the first token alone gives what the whole layer gives there, forward and backward. */
class FirstTokenPathTest {

    @BeforeAll
    static void oneThread() {
        Torch.prepareThread();
    }

    /** Each variant with each encoder. */
    static Stream<Arguments> cases() throws IOException {
        List<EncoderCase> encoders = EncoderCase.all();
        return LoraVariants.all().stream()
                .flatMap(variant -> encoders.stream().map(golden -> Arguments.of(variant, golden)));
    }

    /** Every Linear of the encoder, the ones around attention included, has a pair that trains. */
    private static LoraManifest manifest(LoraVariant variant, EncoderCase golden, BaseModel base) {
        List<LoraModule> modules = new ArrayList<>();
        for (TensorSpec linear : base.encoder().linears()) {
            modules.add(new LoraModule(
                    linear.name(), 4, 8, linear.shape().get(1), linear.shape().get(0)));
        }
        List<TensorSpec> head = base.encoder().head().tensors(golden.head().outputs());
        return new LoraManifest(
                variant,
                List.of(new LoraGroup("all", "", modules, GroupSettings.PLAIN)),
                BiasMode.LORA_ONLY,
                head,
                List.of());
    }

    private static AdapterSnapshot values(LoraManifest manifest) {
        Map<String, float[]> values = new TreeMap<>();
        manifest.names()
                .forEach(group -> Stream.concat(manifest.tensors(group).stream(), manifest.constants(group).stream())
                        .forEach(t -> values.put(t.name(), Initializers.normal(3, t, 0.1))));
        return new AdapterSnapshot(values);
    }

    /** Gradients by tensor, and the logits under a name of their own. */
    private static Map<String, float[]> run(
            LoraVariant variant, EncoderCase golden, BaseModel base, boolean everyToken) {
        LoraManifest manifest = manifest(variant, golden, base);
        FreezeState freeze = FreezeState.of(Map.of("all", GroupState.LIVE));
        Batch batch = Batch.of(golden.rows(0), golden.padTokenId());
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            FreezePlan plan = new FreezePlan(manifest, freeze, base.encoder()::layerIndex);
            AdaptedModel model = new AdaptedModel(manager, base, golden.head(), plan, values(manifest), true);
            ForwardPass pass = ForwardPass.evaluation(model);
            Tokens tokens = Tokens.of(manager, batch);
            Encoder encoder = base.encoder();
            int last = encoder.layers() - 1;
            Variable x = encoder.run(0, encoder.layers(), pass, pass.constant(tokens.ids()), tokens);
            if (everyToken) {
                Shape byRow = new Shape(batch.rows(), batch.length(), encoder.hiddenSize());
                x = encoder.layer(last, pass, x, tokens)
                        .traced(all -> all.reshape(byRow).get("0:, 0"));
            } else {
                x = encoder.run(last + 1, last + 2, pass, x, tokens);
            }
            Variable logits = encoder.logits(last + 2, pass, x, tokens);
            model.graph().backward(logits.traced(of -> of.mul(of).sum()));
            Map<String, float[]> gradients = new TreeMap<>();
            for (FreezePlan.Slot slot : plan.slots()) {
                float[] gradient = new float[slot.tensor().size()];
                model.graph().addGradient(model.adapters().tensor(slot.tensor().name()), gradient, 0);
                gradients.put(slot.tensor().name(), gradient);
            }
            gradients.put("logits", Tensors.toFloats(logits.array()));
            return gradients;
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsTheWholeLayer(LoraVariant variant, EncoderCase golden) {
        try (BaseModel base = golden.open()) {
            assumeThat(base.encoder().firstTokenAlone(base.encoder().layers()))
                    .as("heads that read every token have no such path")
                    .isTrue();
            Map<String, float[]> alone = run(variant, golden, base, false);
            Map<String, float[]> whole = run(variant, golden, base, true);
            whole.forEach((name, values) -> assertClose(name, alone.getOrDefault(name, new float[0]), values));
        }
    }

    /** Within 1e-5 of the largest element; a gradient that is zero but for rounding (a key's bias) within 1e-5. */
    private static void assertClose(String what, float[] actual, float[] expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        float largest = 1;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < actual.length; i++) {
            assertThat(actual[i]).as(what).isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-5f * largest));
        }
    }
}
