package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.sparklora.driver.job.text.Facts.problem;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.text.Problems;

class ModuleMatcherTest {

    private final ModuleMatcher matcher = new ModuleMatcher(Modules.twelveLayers());

    @Test
    void aListEntryIsAWholeNameOrAnEndingAfterADot() {
        assertThat(paths(names("bert.encoder.layer.1.attention.self.query")))
                .containsExactly("bert.encoder.layer.1.attention.self.query");
        assertThat(paths(names("1.attention.self.query"))).containsExactly("bert.encoder.layer.1.attention.self.query");
        assertThat(paths(names("pooler.dense"))).containsExactly("bert.pooler.dense");
    }

    @Test
    void aStringMustMatchTheWholeName() {
        assertThat(paths(regex(".*layer\\.(0|11)\\..*query")))
                .containsExactly(
                        "bert.encoder.layer.0.attention.self.query", "bert.encoder.layer.11.attention.self.query");
    }

    @Test
    void modulesComeOnceAndInOrder() {
        assertThat(paths(names("value", "layer.0.attention.self.value", "query")))
                .hasSize(24)
                .isSorted()
                .doesNotHaveDuplicates();
    }

    @Test
    void theLayerFilterKeepsItsLayersOnly() {
        assertThat(paths(names(List.of(1, 10), "query")))
                .containsExactly(
                        "bert.encoder.layer.1.attention.self.query", "bert.encoder.layer.10.attention.self.query");
        assertThat(paths(Modules.selection(new ModulePattern.Regex(".*query"), List.of(3))))
                .containsExactly("bert.encoder.layer.3.attention.self.query");
    }

    @Test
    void theLayerFilterDropsThePooler() {
        assertThat(paths(names(List.of(0), "dense")))
                .containsExactly(
                        "bert.encoder.layer.0.attention.output.dense",
                        "bert.encoder.layer.0.intermediate.dense",
                        "bert.encoder.layer.0.output.dense");
    }

    @Test
    void aWholeNamePassesTheLayerFilterAsInPeft() {
        assertThat(paths(names(List.of(0), "query", "bert.pooler.dense")))
                .containsExactly("bert.encoder.layer.0.attention.self.query", "bert.pooler.dense");
    }

    @Test
    void theClassifierIsNeverATarget() {
        List<LinearModule> withHead = new ArrayList<>(Modules.twelveLayers());
        withHead.add(new LinearModule("classifier", 32, 2));
        withHead.add(new LinearModule("classifier.dense", 32, 32));
        ModuleMatcher all = new ModuleMatcher(withHead);
        assertThat(all.match("lora.groups.g", regex(".*"), new Problems())).hasSize(73);
        assertThat(problems(all, "lora.groups.g", names("classifier")))
                .satisfiesExactly(
                        problem("manifest.module.unmatched", "lora.groups.g.target_modules[0]='classifier'", "head"));
    }

    @Test
    void aTableOfEmbeddingsIsMatchedByItsNameOrAnExpressionThatSpeaksOfEmbeddings() {
        List<LinearModule> withTable = new ArrayList<>(Modules.twelveLayers());
        LinearModule table = new LinearModule("bert.embeddings.word_embeddings", 200, 32);
        withTable.add(table);
        ModuleMatcher all = new ModuleMatcher(withTable);
        for (ModuleSelection linears : List.of(regex(".*"), regex(".*d.*"), names("query"), allLinear())) {
            assertThat(all.match("lora.groups.g", linears, new Problems()))
                    .isNotEmpty()
                    .doesNotContain(table);
        }
        assertThat(all.match("lora.groups.g", names("word_embeddings"), new Problems()))
                .containsExactly(table);
        assertThat(all.match("lora.groups.g", regex(".*\\.(word_embeddings|query)"), new Problems()))
                .hasSize(13)
                .contains(table);
        assertThat(problems(all, "lora.groups.g", names(List.of(0), "word_embeddings")))
                .satisfiesExactly(problem("manifest.module.unmatched", "layers_to_transform=[0]"));
    }

    @Test
    void refusesALayerThatTheModelLacks() {
        assertThat(problems(names("layer.12.attention.self.query")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched",
                        "lora.groups.top.target_modules[0]='layer.12.attention.self.query'",
                        "layer.0..layer.11"));
        assertThat(problems(names("query", "12.attention.self.query")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched",
                        "lora.groups.top.target_modules[1]='12.attention.self.query'",
                        "layer.0..layer.11"));
    }

    @Test
    void asksWhatAMisspeltNameMeant() {
        assertThat(problems(names("querry")))
                .satisfiesExactly(
                        problem("manifest.module.unmatched", "lora.groups.top.target_modules[0]='querry'", "query"));
        assertThat(problems(names("layer.3.atention.self.query")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched",
                        "lora.groups.top.target_modules[0]='layer.3.atention.self.query'",
                        "layer.3.attention.self.query"));
    }

    @Test
    void listsNamesWhenNoneIsNear() {
        assertThat(problems(names("c_attn")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched",
                        "lora.groups.top.target_modules[0]='c_attn'",
                        "[dense, key, query, value]"));
        assertThat(problems(names()))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched", "lora.groups.top.target_modules", "[dense, key, query, value]"));
    }

    @Test
    void tellsAListFromARegularExpression() {
        assertThat(problems(names(".*query")))
                .satisfiesExactly(problem("manifest.module.unmatched", "lora.groups.top.target_modules[0]='.*query'"));
        assertThat(problems(regex("query")))
                .satisfiesExactly(
                        problem("manifest.module.unmatched", "lora.groups.top.target_modules='query'", "[query]"));
        assertThat(problems(regex("(query|key)")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched",
                        "lora.groups.top.target_modules='(query|key)'",
                        "bert.encoder.layer.0.attention.self.key"));
        assertThat(problems(regex("gpt.*")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched",
                        "lora.groups.top.target_modules='gpt.*'",
                        "s whole name looks like "));
    }

    @Test
    void refusesALayerNumberThatTheModelLacks() {
        assertThat(problems(names(List.of(0, 12, 13), "query")))
                .satisfiesExactly(problem(
                        "manifest.layer.unknown",
                        "lora.groups.top.layers_to_transform",
                        "12",
                        "13",
                        "layer.0..layer.11"));
        assertThat(problems(names(List.of(-1), "query"))).hasSize(1);
    }

    @Test
    void refusesAnEntryOfWhichTheLayerFilterLeavesNothing() {
        assertThat(problems(names(List.of(0), "query", "pooler.dense", "layer.5.output.dense")))
                .satisfiesExactly(
                        problem(
                                "manifest.module.unmatched",
                                "lora.groups.top.target_modules[1]='pooler.dense'",
                                "[0]",
                                "bert.pooler.dense"),
                        problem(
                                "manifest.module.unmatched",
                                "lora.groups.top.target_modules[2]='layer.5.output.dense'",
                                "[0]",
                                "bert.encoder.layer.5.output.dense"));
        assertThat(problems(Modules.selection(new ModulePattern.Regex(".*layer\\.(5|6)\\.output.*"), List.of(0)))
                        .get(0))
                .satisfies(problem("manifest.module.unmatched", "'bert.encoder.layer.5.output.dense'", "1 more"));
    }

    @Test
    void reportsEveryProblemAtOnce() {
        assertThat(problems(names(List.of(99, 0), "querry", "kee", "value"))).hasSize(3);
    }

    @Test
    void allLinearIsEveryLinearButTheHead() {
        List<LinearModule> withHead = new ArrayList<>(Modules.twelveLayers());
        withHead.add(new LinearModule("classifier", 32, 2));
        Problems problems = new Problems();
        List<LinearModule> matched = new ModuleMatcher(withHead).match("lora.groups.top", allLinear(), problems);
        assertThat(problems.lines()).isEmpty();
        assertThat(matched).containsExactlyInAnyOrderElementsOf(Modules.twelveLayers());
    }

    @Test
    void allLinearInSomeLayersLeavesThePoolerOut() {
        assertThat(paths(allLinear(0, 10)))
                .hasSize(12)
                .allMatch(path -> path.contains(".layer.0.") || path.contains(".layer.10."));
    }

    @Test
    void allLinearInAListIsAnErrorThatSaysHowToWriteIt() {
        assertThat(problems(names("all-linear")))
                .satisfiesExactly(
                        problem("manifest.module.unmatched", "lora.groups.top.target_modules[0]='all-linear'"));
    }

    @Test
    void allLinearOfAModelWithoutLinearsMatchesNothing() {
        assertThat(problems(new ModuleMatcher(List.of()), "g", allLinear()))
                .satisfiesExactly(problem("manifest.module.unmatched", "g.target_modules=all-linear"));
    }

    @Test
    void anExclusionIsAListOrARegularExpressionLikeATarget() {
        assertThat(paths(
                        excluding(list("key", "layer.1.attention.self.query"), names(List.of(0, 1), "query", "value"))))
                .containsExactly(
                        "bert.encoder.layer.0.attention.self.query",
                        "bert.encoder.layer.0.attention.self.value",
                        "bert.encoder.layer.1.attention.self.value");
        assertThat(paths(excluding(new ModulePattern.Regex(".*\\.dense"), allLinear(3))))
                .containsExactly(
                        "bert.encoder.layer.3.attention.self.key",
                        "bert.encoder.layer.3.attention.self.query",
                        "bert.encoder.layer.3.attention.self.value");
    }

    @Test
    void anExclusionEndsAfterADot() {
        assertThat(paths(excluding(list("1.attention.self.query"), names("query"))))
                .hasSize(11)
                .contains("bert.encoder.layer.11.attention.self.query")
                .doesNotContain("bert.encoder.layer.1.attention.self.query");
    }

    @Test
    void anExclusionBeatsAWholeName() {
        Problems problems = new Problems();
        List<LinearModule> matched = matcher.match(
                "lora.groups.top",
                excluding(list("pooler.dense"), names(List.of(0), "bert.pooler.dense", "query")),
                problems);
        assertThat(matched).extracting(LinearModule::path).containsExactly("bert.encoder.layer.0.attention.self.query");
        assertThat(problems.lines()).hasSize(1);
    }

    @Test
    void refusesATargetOfWhichTheExclusionLeavesNothing() {
        assertThat(problems(excluding(list("value"), names("query", "value"))))
                .satisfiesExactly(problem(
                        "manifest.module.excluded",
                        "lora.groups.top.target_modules[1]='value'",
                        "lora.groups",
                        "bert.encoder.layer.0.attention.self.value",
                        "11"));
    }

    @Test
    void refusesAnExclusionThatMatchesNothing() {
        assertThat(excludeProblems(list("value", "pooller.dense")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched", "lora.exclude_modules[1]='pooller.dense'", "pooler.dense"));
        assertThat(excludeProblems(list("layer.12.output.dense")))
                .satisfiesExactly(problem(
                        "manifest.module.unmatched",
                        "lora.exclude_modules[0]='layer.12.output.dense'",
                        "layer.0..layer.11"));
        assertThat(excludeProblems(new ModulePattern.Regex("pooler")))
                .satisfiesExactly(
                        problem("manifest.module.unmatched", "lora.exclude_modules='pooler'", "bert.pooler.dense"));
        assertThat(excludeProblems(ModulePattern.NONE)).isEmpty();
    }

    @Test
    void theHeadMayBeExcludedThoughItIsNeverATarget() {
        assertThat(excludeProblems(list("classifier"))).isEmpty();
        assertThat(excludeProblems(new ModulePattern.Regex("classifier|.*pooler.*")))
                .isEmpty();
    }

    @Test
    void theFirstNumberInANameIsTheLayer() {
        ModuleMatcher experts = new ModuleMatcher(List.of(
                new LinearModule("model.layers.1.experts.0.up", 4, 4),
                new LinearModule("model.layers.0.experts.1.up", 4, 4)));
        assertThat(experts.match("g", names(List.of(1), "up"), new Problems()))
                .extracting(LinearModule::path)
                .containsExactly("model.layers.1.experts.0.up");
    }

    @Test
    void knowsOtherContainersThanLayer() {
        ModuleMatcher other = new ModuleMatcher(
                List.of(new LinearModule("model.h.0.attn", 4, 4), new LinearModule("model.h.1.attn", 4, 4)));
        assertThat(problems(other, "g", names("h.2.attn")))
                .satisfiesExactly(problem("manifest.module.unmatched", "g.target_modules[0]='h.2.attn'", "h.0..h.1"));
    }

    private List<String> paths(ModuleSelection selection) {
        Problems problems = new Problems();
        List<LinearModule> matched = matcher.match("lora.groups.top", selection, problems);
        assertThat(problems.lines()).isEmpty();
        return matched.stream().map(LinearModule::path).toList();
    }

    private List<String> problems(ModuleSelection selection) {
        return problems(matcher, "lora.groups.top", selection);
    }

    private static List<String> problems(ModuleMatcher matcher, String group, ModuleSelection selection) {
        Problems problems = new Problems();
        matcher.match(group, selection, problems);
        return problems.lines();
    }

    private static ModuleSelection names(String... names) {
        return names(List.of(), names);
    }

    private static ModuleSelection names(List<Integer> layers, String... names) {
        return Modules.selection(new ModulePattern.Names(List.of(names)), layers);
    }

    private static ModuleSelection regex(String regex) {
        return Modules.selection(new ModulePattern.Regex(regex), List.of());
    }

    private static ModuleSelection allLinear(Integer... layers) {
        return Modules.selection(new ModulePattern.AllLinear(), List.of(layers));
    }

    private static ModuleSelection excluding(ModulePattern exclude, ModuleSelection selection) {
        return new ModuleSelection(
                selection.targets(), new JobValue<>("lora.groups.top.exclude_modules", exclude), selection.layers());
    }

    private static ModulePattern list(String... names) {
        return new ModulePattern.Names(List.of(names));
    }

    private List<String> excludeProblems(ModulePattern exclude) {
        Problems problems = new Problems();
        matcher.checkExclude(new JobValue<>("lora.exclude_modules", exclude), problems);
        return problems.lines();
    }
}
