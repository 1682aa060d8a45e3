package org.sparklora.worker.lora;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

class LoraInitTest {

    private static final LoraModule QUERY =
            new LoraModule("bert.encoder.layer.0.attention.self.query", 8, 16, 768, 768);

    @Test
    void aIsUniformWithinOneOverTheRootOfItsInputs() {
        float[] a = LoraInit.loraA(42, QUERY);
        double bound = 1 / Math.sqrt(768);
        double squares = 0;
        for (float v : a) {
            assertThat(Math.abs(v)).isLessThanOrEqualTo((float) bound);
            squares += (double) v * v;
        }
        assertThat(squares / a.length).as("variance").isCloseTo(bound * bound / 3, Offset.offset(bound * bound / 60));
    }

    @Test
    void valuesHangOnSeedAndNameAlone() {
        assertThat(LoraInit.loraA(42, QUERY)).isEqualTo(LoraInit.loraA(42, QUERY));
        assertThat(LoraInit.loraA(43, QUERY)).isNotEqualTo(LoraInit.loraA(42, QUERY));
        LoraModule value = new LoraModule("bert.encoder.layer.0.attention.self.value", 8, 16, 768, 768);
        assertThat(LoraInit.loraA(42, value)).isNotEqualTo(LoraInit.loraA(42, QUERY));
    }

    @Test
    void aLowerRankTakesTheFirstRowsOfAHigherOne() {
        float[] eight = LoraInit.loraA(42, QUERY);
        float[] four = LoraInit.loraA(42, new LoraModule(QUERY.path(), 4, 16, 768, 768));
        assertThat(four).containsExactly(java.util.Arrays.copyOf(eight, four.length));
    }

    @Test
    void headWeightsAreNormal() {
        float[] w = LoraInit.normal(42, new TensorSpec("classifier.weight", java.util.List.of(6, 768)), 0.02);
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
