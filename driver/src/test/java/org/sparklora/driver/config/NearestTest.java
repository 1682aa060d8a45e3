package org.sparklora.driver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {

    private static final List<String> WORDS =
            List.of("r", "lora_alpha", "lora_dropout", "num_train_epochs", "live", "seed");

    @Test
    void findsSlips() {
        assertThat(Nearest.of("lora_alhpa", WORDS)).contains("lora_alpha");
        assertThat(Nearest.of("loraAlpha", WORDS)).contains("lora_alpha");
        assertThat(Nearest.of("lvie", WORDS)).contains("live");
        assertThat(Nearest.of("sed", WORDS)).contains("seed");
    }

    @Test
    void findsParts() {
        assertThat(Nearest.of("dropout", WORDS)).contains("lora_dropout");
        assertThat(Nearest.of("epochs", WORDS)).contains("num_train_epochs");
    }

    @Test
    void doesNotGuessWildly() {
        assertThat(Nearest.of("x", WORDS)).isEmpty();
        assertThat(Nearest.of("rank", WORDS)).isEmpty();
        assertThat(Nearest.of("", WORDS)).isEmpty();
        assertThat(Nearest.of("lora", List.of())).isEmpty();
    }

    @Test
    void countsASwapAsOneEdit() {
        assertThat(Nearest.edits("ab", "ba")).isEqualTo(1);
        assertThat(Nearest.edits("kitten", "sitting")).isEqualTo(3);
        assertThat(Nearest.edits("", "abc")).isEqualTo(3);
    }
}
