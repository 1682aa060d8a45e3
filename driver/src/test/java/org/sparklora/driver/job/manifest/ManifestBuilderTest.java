package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.sparklora.driver.job.text.Facts.problem;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.PlainLora;

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
                BiasMode.NONE,
                PlainLora.INSTANCE);

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
        assertThat(ManifestBuilder.build(groups, MODEL, BiasMode.ALL, PlainLora.INSTANCE)
                        .biases())
                .containsExactly(POOLER_BIAS);
        assertThat(ManifestBuilder.build(groups, MODEL, BiasMode.LORA_ONLY, PlainLora.INSTANCE)
                        .biases())
                .isEmpty();
    }

    @Test
    void aModuleInTwoGroupsNamesBothAndTheModule() {
        assertThat(problems(
                        group("bottom", "", 4, names("query")),
                        group("top", "", 4, names("layer.11.attention.self.query"))))
                .satisfiesExactly(problem(
                        "manifest.module.shared",
                        "lora.groups.bottom",
                        "lora.groups.top",
                        "bert.encoder.layer.11.attention.self.query"));
    }

    @Test
    void manySharedModulesAreOneProblem() {
        assertThat(problems(group("a", "", 4, names("query", "key")), group("b", "", 4, names("query"))))
                .satisfiesExactly(problem(
                        "manifest.module.shared",
                        "lora.groups.a",
                        "lora.groups.b",
                        "bert.encoder.layer.0.attention.self.query",
                        "11"));
    }

    @Test
    void aRankAboveTheLayerNamesRankModuleAndLimit() {
        assertThat(problems(group("top", "", 33, names("intermediate.dense"))))
                .satisfiesExactly(problem(
                        "manifest.rank.invalid",
                        "lora.groups.top.r=33",
                        "32",
                        "64",
                        "32",
                        "bert.encoder.layer.0.intermediate.dense",
                        "11"));
        assertThat(problems(group("top", "", 0, names("query"))))
                .satisfiesExactly(problem("manifest.rank.invalid", "lora.groups.top.r=0", "1"));
    }

    @Test
    void refusesAnAlphaThatIsNoPositiveNumber() {
        GroupSpec spec = new GroupSpec("g", "", names("query"), Modules.size(4, Double.NaN), GroupSettings.PLAIN);
        assertThat(problems(spec))
                .satisfiesExactly(problem("manifest.alpha.invalid", "lora.groups.g.lora_alpha=NaN", "0"));
    }

    @Test
    void refusesReservedRepeatedAndMissingGroups() {
        assertThat(problems(group("head", "", 4, names("query"))))
                .satisfiesExactly(problem("manifest.group.name", "lora.groups.head", "head"));
        assertThat(problems(group("a", "", 4, names("query")), group("a", "", 4, names("value"))))
                .satisfiesExactly(problem("manifest.group.name", "lora.groups.a"));
        assertThat(problems()).satisfiesExactly(problem("manifest.group.name", "lora.groups"));
    }

    @Test
    void allProblemsComeInOneMessage() {
        ManifestException refused = refusal(
                group("top", "", 4, names("layer.12.attention.self.query")),
                group("low", "", 99, names("querry", "key")));
        assertThat(refused)
                .hasMessageStartingWith(
                        "3 problems [manifest.invalid]\n" + refused.problems().get(0));
        assertThat(refused.problems())
                .satisfiesExactly(
                        problem("manifest.module.unmatched", "lora.groups.top.target_modules[0]", "layer.0..layer.11"),
                        problem("manifest.module.unmatched", "lora.groups.low.target_modules[0]", "'query'"),
                        problem("manifest.rank.invalid", "lora.groups.low.r=99", "32", "11 more"));
        assertThat(refusal()).hasMessageContaining("lora.groups").hasMessageEndingWith("[manifest.group.name]");
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
                ManifestException.class,
                () -> ManifestBuilder.build(List.of(specs), MODEL, BiasMode.NONE, PlainLora.INSTANCE));
    }
}
