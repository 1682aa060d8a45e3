package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.GroupSettings;

class PeftTrapsTest {

    @Test
    void namesWhatAnEndingWithoutADotMeantToPeft030() {
        assertThat(traps(group("bottom", "0.attention.self.query", "1.attention.self.value")))
                .containsExactly(
                        "lora.groups.bottom.target_modules[0]='0.attention.self.query' also matches"
                                + " 'bert.encoder.layer.10.attention.self.query' in PEFT 0.3.0; here it does not",
                        "lora.groups.bottom.target_modules[1]='1.attention.self.value' also matches"
                                + " 'bert.encoder.layer.11.attention.self.value' in PEFT 0.3.0; here it does not");
    }

    @Test
    void countsWhatItDoesNotName() {
        assertThat(PeftTraps.of(List.of(group("bottom", "1.output.dense")), Modules.bert(32, 8, 16)))
                .containsExactly("lora.groups.bottom.target_modules[0]='1.output.dense' also matches"
                        + " 'bert.encoder.layer.11.output.dense' and 2 more in PEFT 0.3.0; here it does not");
    }

    @Test
    void namesThatBothReadAlikeAreNoTraps() {
        assertThat(traps(
                        group("g", "query", "layer.1.attention.self.value", "bert.encoder.layer.0.attention.self.key")))
                .isEmpty();
        assertThat(traps(group("g", "1.attention.self.query", "11.attention.self.query")))
                .as("the group has both anyway")
                .isEmpty();
        assertThat(traps(spec("g", new ModuleSelection(new ModulePattern.Regex(".*query"), none(), List.of()))))
                .isEmpty();
        assertThat(traps(spec("g", new ModuleSelection(new ModulePattern.AllLinear(), none(), List.of()))))
                .isEmpty();
    }

    @Test
    void whatTheGroupFiltersOutIsNoTrap() {
        ModulePattern one = new ModulePattern.Names(List.of("1.attention.self.query"));
        assertThat(traps(spec("g", new ModuleSelection(one, none(), List.of(1)))))
                .isEmpty();
        JobValue<ModulePattern> eleven =
                new JobValue<>("lora.exclude_modules", new ModulePattern.Regex(".*layer\\.11\\..*"));
        assertThat(traps(spec("g", new ModuleSelection(one, eleven, List.of()))))
                .isEmpty();
    }

    private static List<String> traps(GroupSpec group) {
        return PeftTraps.of(List.of(group), Modules.twelveLayers());
    }

    private static GroupSpec group(String name, String... targets) {
        return spec(name, Modules.selection(new ModulePattern.Names(List.of(targets)), List.of()));
    }

    private static GroupSpec spec(String name, ModuleSelection modules) {
        return new GroupSpec(name, "", modules, Modules.size(4, 8), GroupSettings.PLAIN);
    }

    private static JobValue<ModulePattern> none() {
        return new JobValue<>("lora.exclude_modules", ModulePattern.NONE);
    }
}
