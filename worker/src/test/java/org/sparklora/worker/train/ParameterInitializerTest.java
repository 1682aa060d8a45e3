package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.lora.PlainLora;

/** The head of a base model with three classes and a trained classifier. */
class ParameterInitializerTest {

    private static final BaseModel BASE = BaseModel.shared(Path.of(
            System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-3l-3class"));

    private static float[] head(String tensor, Optional<List<Integer>> rows) {
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(),
                BiasMode.NONE,
                BASE.encoder().head().tensors(3),
                List.of());
        return new ParameterInitializer(BASE, manifest, 7, AdapterSnapshot.EMPTY, TinyModel.SVD, rows)
                .of("head")
                .values(tensor);
    }

    @Test
    void eachOutputTakesItsRowOfTheBase() {
        float[] base = Tensors.toFloats(BASE.weight("classifier.weight"));
        int hidden = base.length / 3;
        float[] ordered = head("classifier.weight", Optional.of(List.of(2, 0, 1)));
        int[] rows = {2, 0, 1};
        for (int output = 0; output < 3; output++) {
            assertThat(Arrays.copyOfRange(ordered, output * hidden, (output + 1) * hidden))
                    .containsExactly(Arrays.copyOfRange(base, rows[output] * hidden, (rows[output] + 1) * hidden));
        }
        float[] bias = Tensors.toFloats(BASE.weight("classifier.bias"));
        assertThat(head("classifier.bias", Optional.of(List.of(2, 0, 1)))).containsExactly(bias[2], bias[0], bias[1]);
    }

    @Test
    void withoutRowsTheOutputsStartAnew() {
        float[] fresh = head("classifier.weight", Optional.empty());
        assertThat(fresh).isNotEqualTo(Tensors.toFloats(BASE.weight("classifier.weight")));
        assertThat(fresh).isEqualTo(head("classifier.weight", Optional.empty()));
        assertThat(head("classifier.bias", Optional.empty())).containsOnly(0f);
    }
}
