package org.sparklora.worker.lora;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

class PlainLoraTest {

    private static final LoraModule QUERY =
            new LoraModule("bert.encoder.layer.0.attention.self.query", 8, 16, 768, 768);

    private static final Svd NO_SVD = (weight, rows, columns, rank, iterations, key) -> {
        throw new AssertionError("plain LoRA decomposes nothing");
    };

    private static float[] noWeight() {
        throw new AssertionError("plain LoRA asks for the base weight");
    }

    private static float[] a(long seed, LoraModule module) {
        TensorSpec a = PlainLora.INSTANCE.tensors(module).get(0);
        assertThat(a.name()).endsWith(".lora_A.weight");
        return first(seed, module, a);
    }

    private static float[] first(long seed, LoraModule module, TensorSpec tensor) {
        return new AdapterSnapshot(PlainLora.INSTANCE.initialValues(
                        module, GroupSettings.PLAIN, seed, new BaseWeight(PlainLoraTest::noWeight, NO_SVD)))
                .values(tensor.name());
    }

    @Test
    void bStartsAtZeroSoTheOutputIsTheBaseLinears() {
        TensorSpec b = PlainLora.INSTANCE.tensors(QUERY).get(1);
        float[] values = first(42, QUERY, b);
        assertThat(values).hasSize(8 * 768).containsOnly(0f);
        assertThat(PlainLora.INSTANCE.changesOutput(
                        QUERY, new AdapterSnapshot(Map.of(b.name(), values)), PlainLoraTest::noWeight))
                .isFalse();
        values[17] = 1e-30f;
        assertThat(PlainLora.INSTANCE.changesOutput(
                        QUERY, new AdapterSnapshot(Map.of(b.name(), values)), PlainLoraTest::noWeight))
                .isTrue();
    }

    @Test
    void rsLoraMergesWithTheRootOfItsRank() {
        LoraModule module = new LoraModule("m", 4, 8, 4, 4);
        float[] a = new float[16];
        float[] b = new float[16];
        a[0] = 1;
        b[0] = 1;
        AdapterSnapshot values = new AdapterSnapshot(Map.of(module.loraA(), a, module.loraB(), b));
        List<Double> merged = new ArrayList<>();
        PlainLora.INSTANCE.merge(module, GroupSettings.PLAIN, values, new float[16], merged::add);
        assertThat(merged).hasSize(16).startsWith(2.0, 0.0);
        merged.clear();
        PlainLora.INSTANCE.merge(module, new GroupSettings(0, true, 1, 0), values, new float[16], merged::add);
        assertThat(merged).startsWith(4.0, 0.0);
    }

    @Test
    void countsBothProducts() {
        assertThat(PlainLora.INSTANCE.multiplyAdds(QUERY, true)).isEqualTo(8 * (768 + 768));
    }

    @Test
    void aIsUniformWithinOneOverTheRootOfItsInputs() {
        float[] a = a(42, QUERY);
        double bound = 1 / Math.sqrt(768);
        double squares = 0;
        for (float v : a) {
            assertThat(Math.abs(v)).isLessThanOrEqualTo((float) bound);
            squares += (double) v * v;
        }
        assertThat(squares / a.length).as("variance").isCloseTo(bound * bound / 3, Offset.offset(bound * bound / 60));
    }

    @Test
    void valuesDependOnSeedAndNameAlone() {
        assertThat(a(42, QUERY)).isEqualTo(a(42, QUERY));
        assertThat(a(43, QUERY)).isNotEqualTo(a(42, QUERY));
        LoraModule value = new LoraModule("bert.encoder.layer.0.attention.self.value", 8, 16, 768, 768);
        assertThat(a(42, value)).isNotEqualTo(a(42, QUERY));
    }

    @Test
    void aLowerRankHasTheFirstRowsOfAHigherOne() {
        float[] eight = a(42, QUERY);
        float[] four = a(42, new LoraModule(QUERY.path(), 4, 16, 768, 768));
        assertThat(four).containsExactly(java.util.Arrays.copyOf(eight, four.length));
    }

    @Test
    void headWeightsAreNormal() {
        float[] w = Initializers.normal(42, new TensorSpec("classifier.weight", java.util.List.of(6, 768)), 0.02);
        double mean = 0;
        double squares = 0;
        for (float v : w) {
            mean += v;
            squares += (double) v * v;
        }
        assertThat(mean / w.length).isCloseTo(0, Offset.offset(0.001));
        assertThat(Math.sqrt(squares / w.length)).isCloseTo(0.02, Offset.offset(0.001));
    }
}
