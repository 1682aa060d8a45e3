package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.sparklora.driver.job.text.Facts.problem;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.manifest.PatternMap.Entry;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.lora.PlainLora;

/** rank_pattern and alpha_pattern, of one group and of all. */
class SizeCheckTest {

    private static final String OWN = "lora.groups.top.rank_pattern";
    private static final String INHERITED = "lora.rank_pattern";

    @Test
    void modulesTakeRankAndAlphaFromTheirPatterns() {
        GroupSpec top = new GroupSpec(
                "top",
                "",
                Modules.selection(new ModulePattern.Names(List.of("query", "value")), List.of(10, 11)),
                new GroupSpec.Size(
                        8,
                        16.0,
                        new JobValue<>(OWN, new PatternMap<>(List.of(new Entry<>("11.attention.self.query", 2)))),
                        new JobValue<>(
                                "lora.alpha_pattern",
                                new PatternMap<>(List.of(new Entry<>("11.*", 4.5), new Entry<>(".*value", 3.0))))),
                new GroupSettings(0.0, true, 1.0, 0));
        LoraManifest manifest =
                ManifestBuilder.build(List.of(top), ManifestBuilderTest.MODEL, BiasMode.NONE, PlainLora.INSTANCE);

        assertThat(manifest.groups().get(0).modules())
                .containsExactly(
                        new LoraModule("bert.encoder.layer.10.attention.self.query", 8, 16.0, 32, 32),
                        new LoraModule("bert.encoder.layer.10.attention.self.value", 8, 3.0, 32, 32),
                        new LoraModule("bert.encoder.layer.11.attention.self.query", 2, 4.5, 32, 32),
                        new LoraModule("bert.encoder.layer.11.attention.self.value", 8, 4.5, 32, 32));
        assertThat(manifest.groups().get(0).modules().get(2).scaling(true))
                .as("rank-stabilised: alpha over the root of the module's own rank")
                .isEqualTo(4.5 / StrictMath.sqrt(2));
    }

    @Test
    void refusesAPatternThatMatchesNothingInItsGroup() {
        assertThat(problems(group("top", "query", OWN, "querry", 4)))
                .satisfiesExactly(
                        problem("manifest.pattern.unused", "lora.groups.top.rank_pattern['querry']=4", "query"));
        assertThat(problems(group("top", "query", OWN, "layer.12.attention.self.query", 4)))
                .satisfiesExactly(problem(
                        "manifest.pattern.unused",
                        "lora.groups.top.rank_pattern['layer.12.attention.self.query']=4",
                        "layer.0..layer.11"));
        assertThat(problems(group("top", "query", OWN, "value", 4)))
                .satisfiesExactly(problem(
                        "manifest.pattern.unused",
                        "lora.groups.top.rank_pattern['value']=4",
                        "bert.encoder.layer.0.attention.self.value"));
        assertThat(problems(group("top", "query", OWN, "classifier", 4)))
                .satisfiesExactly(
                        problem("manifest.pattern.unused", "lora.groups.top.rank_pattern['classifier']=4", "head"));
    }

    @Test
    void anInheritedPatternNeedsAModuleInOneOfItsHeirs() {
        GroupSpec queries = group("a", "query", INHERITED, "query", 4);
        GroupSpec values = group("b", "value", INHERITED, "query", 4);
        assertThat(ManifestBuilder.build(
                                List.of(queries, values), ManifestBuilderTest.MODEL, BiasMode.NONE, PlainLora.INSTANCE)
                        .groups())
                .extracting(g -> g.modules().get(0).loraRank())
                .containsExactly(4, 8);
        assertThat(problems(group("a", "query", INHERITED, "key", 4), group("b", "value", INHERITED, "key", 4)))
                .satisfiesExactly(problem(
                        "manifest.pattern.unused",
                        "lora.rank_pattern['key']=4",
                        "bert.encoder.layer.0.attention.self.key"));
    }

    @Test
    void aGroupWithoutItsModulesSaysNothingOfPatterns() {
        assertThat(problems(group("top", "querry", OWN, "query", 4)))
                .satisfiesExactly(
                        problem("manifest.module.unmatched", "lora.groups.top.target_modules[0]='querry'", "query"));
    }

    @Test
    void refusesAPatternBehindOneThatMatchesTheSame() {
        PatternMap<Integer> ranks =
                new PatternMap<>(List.of(new Entry<>("query", 4), new Entry<>("11.attention.self.query", 2)));
        assertThat(problems(group("top", "query", OWN, ranks)))
                .satisfiesExactly(problem(
                        "manifest.pattern.unused",
                        "lora.groups.top.rank_pattern['11.attention.self.query']=2",
                        "query",
                        "bert.encoder.layer.11.attention.self.query"));
    }

    @Test
    void aRankOfAPatternAboveTheLayerIsToldWithItsKey() {
        assertThat(problems(group("top", "query", OWN, "11.attention.self.query", 33)))
                .satisfiesExactly(problem(
                        "manifest.rank.invalid",
                        "lora.groups.top.rank_pattern['11.attention.self.query']=33",
                        "32",
                        "32",
                        "32",
                        "bert.encoder.layer.11.attention.self.query"));
    }

    private static GroupSpec group(String name, String target, String key, String pattern, int r) {
        return group(name, target, key, new PatternMap<>(List.of(new Entry<>(pattern, r))));
    }

    private static GroupSpec group(String name, String target, String key, PatternMap<Integer> ranks) {
        return new GroupSpec(
                name,
                "",
                Modules.selection(new ModulePattern.Names(List.of(target)), List.of()),
                new GroupSpec.Size(
                        8, 16.0, new JobValue<>(key, ranks), new JobValue<>("lora.alpha_pattern", PatternMap.none())),
                GroupSettings.PLAIN);
    }

    private static List<String> problems(GroupSpec... specs) {
        return catchThrowableOfType(
                        ManifestException.class,
                        () -> ManifestBuilder.build(
                                List.of(specs), ManifestBuilderTest.MODEL, BiasMode.NONE, PlainLora.INSTANCE))
                .problems();
    }
}
