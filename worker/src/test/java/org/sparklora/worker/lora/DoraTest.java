package org.sparklora.worker.lora;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;

class DoraTest {

    /** r 1, alpha 2, in 2, out 3. */
    private static final LoraModule MODULE = new LoraModule("m", 1, 2, 2, 3);

    private static final float[] WEIGHT = {3, 4, 0, 0, -6, 8};
    private static final BaseWeight BASE_WEIGHT =
            new BaseWeight(DoraTest::base, (weight, rows, columns, rank, iterations, key) -> {
                throw new AssertionError("DoRA decomposes nothing");
            });
    private static final String M = "m.lora_magnitude_vector";

    private static float[] base() {
        return WEIGHT;
    }

    private static AdapterSnapshot values(float[] b, float[] m) {
        return new AdapterSnapshot(Map.of("m.lora_A.weight", new float[] {1, 2}, "m.lora_B.weight", b, M, m));
    }

    private static List<Double> merged(AdapterSnapshot values) {
        List<Double> merged = new ArrayList<>();
        Dora.INSTANCE.merge(MODULE, GroupSettings.PLAIN, values, WEIGHT, merged::add);
        return merged;
    }

    @Test
    void theMagnitudeStartsAsTheNormsOfTheBaseAndTheRestAsPlainLora() {
        Map<String, float[]> first =
                new TreeMap<>(Dora.INSTANCE.initialValues(MODULE, GroupSettings.PLAIN, 42, BASE_WEIGHT));
        assertThat(first.remove(M)).containsExactly(5, 0, 10);
        Map<String, float[]> plain = PlainLora.INSTANCE.initialValues(MODULE, GroupSettings.PLAIN, 42, BASE_WEIGHT);
        assertThat(first.keySet()).isEqualTo(plain.keySet());
        plain.forEach((name, values) -> assertThat(first.get(name)).isEqualTo(values));
    }

    @Test
    void beforeTrainingNothingChanges() {
        AdapterSnapshot first =
                new AdapterSnapshot(Dora.INSTANCE.initialValues(MODULE, GroupSettings.PLAIN, 42, BASE_WEIGHT));
        assertThat(Dora.INSTANCE.changesOutput(MODULE, first, DoraTest::base)).isFalse();
        assertThat(Dora.INSTANCE.changesOutput(MODULE, AdapterSnapshot.EMPTY, DoraTest::base))
                .isFalse();
        assertThat(merged(first)).containsExactly(3.0, 4.0, 0.0, 0.0, -6.0, 8.0);
    }

    @Test
    void aMagnitudeThatMovedOrABChangesTheOutput() {
        float[] zero = new float[3];
        assertThat(Dora.INSTANCE.changesOutput(MODULE, values(zero, new float[] {5, 0, 10.001f}), DoraTest::base))
                .isTrue();
        assertThat(Dora.INSTANCE.changesOutput(
                        MODULE, values(zero, new float[] {Math.nextUp(5f), 0, 10}), DoraTest::base))
                .as("the norm, added in another order")
                .isFalse();
        assertThat(Dora.INSTANCE.changesOutput(
                        MODULE, values(new float[] {0, 1, 0}, new float[] {5, 0, 10}), DoraTest::base))
                .isTrue();
    }

    @Test
    void eachRowOfTheMergedWeightHasItsMagnitude() {
        // Scaling 2: the first row becomes [3, 4] + 2 · [1, 2], of norm √89, and gets length 10.
        double norm = Math.sqrt(25 + 64);
        assertThat(merged(values(new float[] {1, 0, 0}, new float[] {10, 0, 5})))
                .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : Double.compare(a, b))
                .containsExactly(50 / norm, 80 / norm, 0.0, 0.0, -3.0, 4.0);
    }

    /** y = x Wᵀ + b + d Wᵀ ∘ (f − 1) + (d Aᵀ) Bᵀ · scaling ∘ f, in PEFT's order. */
    @Test
    void dropoutIsThatOfPeft() {
        Torch.prepareThread();
        KeyedDropout masks = KeyedDropout.training(9, 1, 2, 3, 0);
        try (NDManager manager = Torch.newManager()) {
            Graph graph = Graph.of(manager, Kernel.MKL, true);
            Variable x = leaf(graph, 1, 5, 4);
            Variable weight = leaf(graph, 2, 3, 4);
            Variable bias = leaf(graph, 3, 3);
            Variable a = leaf(graph, 4, 2, 4);
            Variable b = leaf(graph, 5, 3, 2);
            Variable m = leaf(graph, 6, 3);
            NDArray scaling = Tensors.constant(manager, 1.5);
            PlainLora.Pair pair = new PlainLora.Pair("p", a, b, scaling, OptionalDouble.of(0.4));
            float[] got = Tensors.toFloats(
                    new Dora.Decomposed(pair, m).forward(x, weight, bias, masks).array());

            NDArray dropped = masks.apply(x.array(), "p.lora_dropout", 0.4);
            NDArray v = weight.array().add(b.array().matMul(a.array()).mul(scaling));
            NDArray f = m.array().div(v.mul(v).sum(new int[] {1}).sqrt());
            NDArray ofBase = dropped.matMul(weight.array().transpose());
            NDArray ofPair = dropped.matMul(a.array().transpose())
                    .matMul(b.array().transpose())
                    .mul(scaling);
            NDArray expected = x.array()
                    .matMul(weight.array().transpose())
                    .add(bias.array())
                    .add(ofBase.mul(f).sub(ofBase))
                    .add(ofPair.mul(f));
            assertThat(dropped).isNotEqualTo(x.array());
            assertThat(got).containsExactly(Tensors.toFloats(expected), Offset.offset(1e-5f));
        }
    }

    private static Variable leaf(Graph graph, int seed, Integer... shape) {
        java.util.Random random = new java.util.Random(seed);
        int size = 1;
        for (int s : shape) {
            size *= s;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return graph.leaf(values, List.of(shape));
    }
}
