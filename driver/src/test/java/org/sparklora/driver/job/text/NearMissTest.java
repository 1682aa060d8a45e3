package org.sparklora.driver.job.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearMissTest {

    private static final List<String> KEYS =
            List.of("r", "lora_alpha", "lora_dropout", "num_train_epochs", "live", "seed");

    @Test
    void findsSlips() {
        assertThat(NearMiss.of("lora_alhpa", KEYS)).contains("lora_alpha");
        assertThat(NearMiss.of("loraAlpha", KEYS)).contains("lora_alpha");
        assertThat(NearMiss.of("lvie", KEYS)).contains("live");
        assertThat(NearMiss.of("sed", KEYS)).contains("seed");
        assertThat(NearMiss.of("qeury", List.of("query", "key"))).contains("query");
        assertThat(NearMiss.of("bottum", List.of("top", "bottom"))).contains("bottom");
    }

    @Test
    void findsParts() {
        assertThat(NearMiss.of("dropout", KEYS)).contains("lora_dropout");
        assertThat(NearMiss.of("epochs", KEYS)).contains("num_train_epochs");
    }

    @Test
    void ignoresCaseBlanksAndDashes() {
        assertThat(NearMiss.of("Y", List.of("n", "y"))).contains("y");
        assertThat(NearMiss.of("text ", List.of("id", "Text"))).contains("Text");
        assertThat(NearMiss.of("num-train-epochs", KEYS)).contains("num_train_epochs");
    }

    @Test
    void tiesGoToTheFirstByName() {
        assertThat(NearMiss.of("layer.1x", List.of("layer.12", "layer.10", "layer.11")))
                .contains("layer.10");
    }

    @Test
    void doesNotGuessWildly() {
        assertThat(NearMiss.of("x", KEYS)).isEmpty();
        assertThat(NearMiss.of("x", List.of("y"))).isEmpty();
        assertThat(NearMiss.of("no", List.of("yes", "on"))).isEmpty();
        assertThat(NearMiss.of("rank", KEYS)).isEmpty();
        assertThat(NearMiss.of("embeddings", List.of("query", "key"))).isEmpty();
        assertThat(NearMiss.of("", KEYS)).isEmpty();
        assertThat(NearMiss.of("lora", List.of())).isEmpty();
    }

    @Test
    void countsASwapAsOneEdit() {
        assertThat(NearMiss.edits("ab", "ba")).isEqualTo(1);
        assertThat(NearMiss.edits("kitten", "sitting")).isEqualTo(3);
        assertThat(NearMiss.edits("", "abc")).isEqualTo(3);
        assertThat(NearMiss.edits("same", "same")).isZero();
    }
}
