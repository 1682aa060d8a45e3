package org.sparklora.worker.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LoraVariantsTest {

    @Test
    void withoutSettingsItIsPlainLora() {
        assertThat(LoraVariants.of(Map.of())).isEqualTo(PlainLora.INSTANCE);
        assertThat(LoraVariants.of(Map.of("peft_type", "LORA", "use_dora", false, "init_lora_weights", "true", "r", 8)))
                .isEqualTo(PlainLora.INSTANCE);
    }

    @ParameterizedTest
    @MethodSource("all")
    void settingsNameTheirVariant(LoraVariant variant) {
        assertThat(LoraVariants.of(variant.settings())).isEqualTo(variant);
        assertThat(LoraVariants.suffixes()).containsAll(LoraVariants.suffixes(variant, "m"));
    }

    static Iterable<LoraVariant> all() {
        return LoraVariants.all();
    }

    @Test
    void settingsThatExcludeEachOtherAreRefused() {
        assertThatThrownBy(() -> LoraVariants.of(Map.of("use_dora", true, "peft_type", "ADALORA")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("ADALORA", "use_dora true", "init_lora_weights true");
    }
}
