package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;

/**
 * A step with frozen layers in bfloat16, beside the same step in float32. Twelve layers of 32 random columns round worse than a
 * model that has learnt: of e5-small-v2, with all layers live on sixteen questions of TREC-6, the smallest cosine is 0.998.
 */
class Bfloat16Test {

    private static final int LAYERS = 12;

    private static final BaseModel ROUNDED = BaseModel.shared(
            TinyModel.BASE.directory(), HeadInput.FIRST_TOKEN, new Arithmetic(Kernel.ONEDNN, Precision.BFLOAT16));

    private static final List<Example> ROWS = TinyModel.examples(8, 3);

    @BeforeAll
    static void requireProcessor() {
        assumeTrue(Machine.hardware().hasBfloat16(), "this processor has no instructions for bfloat16");
    }

    private static LoraManifest manifest(BiasMode bias) {
        return manifest(PlainLora.INSTANCE, bias);
    }

    private static LoraManifest manifest(LoraVariant variant, BiasMode bias) {
        LoraGroup[] groups = IntStream.range(0, LAYERS)
                .mapToObj(layer -> TinyModel.group(layer, GroupSettings.PLAIN))
                .toArray(LoraGroup[]::new);
        return new LoraManifest(
                variant,
                List.of(groups),
                bias,
                TinyModel.BASE.encoder().head().tensors(2),
                bias == BiasMode.ALL ? TinyModel.BASE.encoder().biases() : List.of());
    }

    /** The biases of the base beside the values of the tests. */
    private static AdapterSnapshot values(LoraManifest manifest) {
        Map<String, float[]> values = new TreeMap<>();
        AdapterSnapshot adapters = TinyModel.values(manifest);
        adapters.names().forEach(name -> values.put(name, adapters.view(name)));
        for (TensorSpec bias : manifest.biases()) {
            values.put(bias.name(), Tensors.toFloats(TinyModel.BASE.weight(bias.name())));
        }
        return new AdapterSnapshot(values);
    }

    private static EpochPlan plan(LoraManifest manifest, GroupState first, GroupState rest) {
        Map<String, GroupState> states = new TreeMap<>();
        for (int layer = 0; layer < LAYERS; layer++) {
            states.put(TinyModel.name(layer), layer < 6 ? first : rest);
        }
        FreezeState freeze = TinyModel.freeze(manifest, states);
        return TinyModel.plan(manifest, freeze, values(manifest));
    }

    private static ShardSum sum(BaseModel base, EpochPlan plan, double dropout, Batch batch) {
        DropoutRates rates = new DropoutRates(dropout, dropout, dropout);
        return new ShardPass(base, TinyModel.HEAD, TinyModel.settings(rates), plan)
                .sum(plan.freezePlan().flatten(plan.snapshot()), 0, 0, List.of(batch));
    }

    private static void assertNear(EpochPlan plan, double dropout) {
        ShardSum expected = sum(TinyModel.BASE, plan, dropout, Batch.of(ROWS, 0));
        ShardSum sum = sum(ROUNDED, plan, dropout, Batch.of(ROWS, 0));
        assertThat(sum.loss()).isNotEqualTo(expected.loss()).isCloseTo(expected.loss(), withinPercentage(2));
        // The limits of plain LoRA are measured on one draw of rounding errors; every other variant is another draw.
        boolean plain = plan.freezePlan().manifest().variant().equals(PlainLora.INSTANCE);
        Gradients.assertNear(
                plan.freezePlan(), sum.gradient(), expected.gradient(), plain ? 0.96 : 0.9, plain ? 0.15 : 0.25);
        assertThat(sum(ROUNDED, plan, dropout, Batch.of(ROWS, 0)))
                .as("again")
                .usingRecursiveComparison()
                .isEqualTo(sum);
    }

    @ParameterizedTest
    @MethodSource("variants")
    void gradientsPointWhereThoseOfFloat32DoWhateverTheOtherLayersAre(LoraVariant variant, GroupState others) {
        assertNear(plan(manifest(variant, BiasMode.NONE), others, GroupState.LIVE), 0);
        assertNear(plan(manifest(variant, BiasMode.NONE), GroupState.LIVE, others), 0);
    }

    /** Each variant with each state of the other layers. */
    static Stream<Arguments> variants() {
        return LoraVariants.all().stream()
                .flatMap(variant -> Stream.of(GroupState.values()).map(others -> Arguments.of(variant, others)));
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void masksOfDropoutAreThoseOfFloat32(LoraVariant variant) {
        assertNear(plan(manifest(variant, BiasMode.NONE), GroupState.DORMANT, GroupState.LIVE), 0.1);
    }

    @Test
    void biasesTrainInFloat32() {
        assertNear(plan(manifest(BiasMode.ALL), GroupState.LIVE, GroupState.LIVE), 0);
    }
}
