package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

class ManifestBuilderTest {

    static final TensorSpec HEAD_WEIGHT = new TensorSpec("classifier.weight", List.of(2, 32));
    static final TensorSpec HEAD_BIAS = new TensorSpec("classifier.bias", List.of(2));
    static final TensorSpec POOLER_BIAS = new TensorSpec("bert.pooler.dense.bias", List.of(32));
    static final ModelTensors MODEL =
            new ModelTensors(Modules.twelveLayers(), List.of(HEAD_WEIGHT, HEAD_BIAS), List.of(POOLER_BIAS));

    @Test
    void eachGroupGetsItsModulesWithItsOwnSettings() {
        GroupSettings slow = new GroupSettings(0.1, true, 0.25, 10);
        LoraManifest manifest = ManifestBuilder.build(
                List.of(
                        group("top", "task layer", 8, names("layer.11.attention.self.query")),
                        new GroupSpec(
                                "bottom",
                                "",
                                Modules.selection(new ModulePattern.Names(List.of("query", "value")), List.of(0)),
                                Modules.size(4, 16.0),
                                slow)),
                MODEL,
                BiasMode.NONE);

        assertThat(manifest.names()).containsExactly("bottom", "head", "top");
        assertThat(manifest.groups())
                .containsExactly(
                        new LoraGroup(
                                "bottom",
                                "",
                                List.of(
                                        new LoraModule("bert.encoder.layer.0.attention.self.query", 4, 16.0, 32, 32),
                                        new LoraModule("bert.encoder.layer.0.attention.self.value", 4, 16.0, 32, 32)),
                                slow),
                        new LoraGroup(
                                "top",
                                "task layer",
                                List.of(new LoraModule("bert.encoder.layer.11.attention.self.query", 8, 16.0, 32, 32)),
                                GroupSettings.PLAIN));
        assertThat(manifest.head()).containsExactly(HEAD_BIAS, HEAD_WEIGHT);
        assertThat(manifest.biases()).isEmpty();
    }

    @Test
    void biasesTrainAsAGroupWithModeAllOnly() {
        List<GroupSpec> groups = List.of(group("g", "", 4, names("query")));
        assertThat(ManifestBuilder.build(groups, MODEL, BiasMode.ALL).biases()).containsExactly(POOLER_BIAS);
        assertThat(ManifestBuilder.build(groups, MODEL, BiasMode.LORA_ONLY).biases())
                .isEmpty();
    }

    @Test
    void aModuleInTwoGroupsNamesBothAndTheModule() {
        assertThat(problems(
                        group("bottom", "", 4, names("query")),
                        group("top", "", 4, names("layer.11.attention.self.query"))))
                .containsExactly("lora.groups.bottom and lora.groups.top both match"
                        + " 'bert.encoder.layer.11.attention.self.query'; a module may be in one group only");
    }

    @Test
    void manySharedModulesAreOneProblem() {
        assertThat(problems(group("a", "", 4, names("query", "key")), group("b", "", 4, names("query"))))
                .containsExactly(
                        "lora.groups.a and lora.groups.b both match"
                                + " 'bert.encoder.layer.0.attention.self.query' and 11 more; a module may be in one group only");
    }

    @Test
    void aRankAboveTheLayerNamesRankModuleAndLimit() {
        assertThat(problems(group("top", "", 33, names("intermediate.dense"))))
                .containsExactly("lora.groups.top.r=33 is above 32, the smaller side of the 64 x 32 weight of"
                        + " 'bert.encoder.layer.0.intermediate.dense' and 11 more;"
                        + " lower r (lora.r, if the group inherits it)");
        assertThat(problems(group("top", "", 0, names("query"))))
                .containsExactly("lora.groups.top.r=0 must be at least 1");
    }

    @Test
    void refusesAnAlphaThatIsNoPositiveNumber() {
        GroupSpec spec = new GroupSpec("g", "", names("query"), Modules.size(4, Double.NaN), GroupSettings.PLAIN);
        assertThat(problems(spec)).containsExactly("lora.groups.g.lora_alpha=NaN must be a number above 0");
    }

    @Test
    void refusesReservedRepeatedAndMissingGroups() {
        assertThat(problems(group("head", "", 4, names("query"))))
                .containsExactly("lora.groups.head: the name 'head' is taken by an implicit group; choose another");
        assertThat(problems(group("a", "", 4, names("query")), group("a", "", 4, names("value"))))
                .containsExactly("lora.groups.a is defined twice; group names must differ");
        assertThat(problems()).containsExactly("lora.groups is empty; a job needs at least one group");
    }

    @Test
    void allProblemsComeInOneMessage() {
        ManifestException refused = refusal(
                group("top", "", 4, names("layer.12.attention.self.query")),
                group("low", "", 99, names("querry", "key")));
        assertThat(refused)
                .hasMessage("3 problems\n"
                        + "lora.groups.top.target_modules[0]='layer.12.attention.self.query' matches no module;"
                        + " this model has layer.0..layer.11\n"
                        + "lora.groups.low.target_modules[0]='querry' matches no module; did you mean 'query'?\n"
                        + "lora.groups.low.r=99 is above 32, the smaller side of the 32 x 32 weight of"
                        + " 'bert.encoder.layer.0.attention.self.key' and 11 more;"
                        + " lower r (lora.r, if the group inherits it)");
        assertThat(refusal()).hasMessage("lora.groups is empty; a job needs at least one group");
    }

    static GroupSpec group(String name, String purpose, int r, ModuleSelection modules) {
        return new GroupSpec(name, purpose, modules, Modules.size(r, 16.0), GroupSettings.PLAIN);
    }

    static ModuleSelection names(String... names) {
        return Modules.selection(new ModulePattern.Names(List.of(names)), List.of());
    }

    private static List<String> problems(GroupSpec... specs) {
        return refusal(specs).problems();
    }

    private static ManifestException refusal(GroupSpec... specs) {
        return catchThrowableOfType(
                ManifestException.class, () -> ManifestBuilder.build(List.of(specs), MODEL, BiasMode.NONE));
    }
}
