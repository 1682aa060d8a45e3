package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

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
        assertThat(all.match("lora.groups.g", regex(".*")).modules()).hasSize(73);
        assertThat(all.match("lora.groups.g", names("classifier")).problems())
                .containsExactly("lora.groups.g.target_modules[0]='classifier' matches no module;"
                        + " the classifier is the implicit group 'head' and always trains");
    }

    @Test
    void refusesALayerThatTheModelLacks() {
        assertThat(problems(names("layer.12.attention.self.query")))
                .containsExactly("lora.groups.top.target_modules[0]='layer.12.attention.self.query' matches no module;"
                        + " this model has layer.0..layer.11");
        assertThat(problems(names("query", "12.attention.self.query")))
                .containsExactly("lora.groups.top.target_modules[1]='12.attention.self.query' matches no module;"
                        + " this model has layer.0..layer.11");
    }

    @Test
    void asksWhatAMisspeltNameMeant() {
        assertThat(problems(names("querry")))
                .containsExactly("lora.groups.top.target_modules[0]='querry' matches no module; did you mean 'query'?");
        assertThat(problems(names("layer.3.atention.self.query")))
                .containsExactly("lora.groups.top.target_modules[0]='layer.3.atention.self.query' matches no module;"
                        + " did you mean 'layer.3.attention.self.query'?");
    }

    @Test
    void listsNamesWhenNoneIsNear() {
        assertThat(problems(names("c_attn")))
                .containsExactly("lora.groups.top.target_modules[0]='c_attn' matches no module;"
                        + " list names of this model: [dense, key, query, value]");
        assertThat(problems(names()))
                .containsExactly("lora.groups.top.target_modules is empty;"
                        + " list names of this model: [dense, key, query, value]");
    }

    @Test
    void tellsAListFromARegularExpression() {
        assertThat(problems(names(".*query")))
                .containsExactly("lora.groups.top.target_modules[0]='.*query' matches no module;"
                        + " an entry of a list is a name; for a regular expression write a string instead of a list");
        assertThat(problems(regex("query")))
                .containsExactly("lora.groups.top.target_modules='query' matches no module;"
                        + " a string is a regular expression for the whole name; write a list, [query]");
        assertThat(problems(regex("(query|key)")))
                .containsExactly("lora.groups.top.target_modules='(query|key)' matches no module;"
                        + " it matches only a part of 'bert.encoder.layer.0.attention.self.key'"
                        + " and must match the whole name; begin it with .* perhaps");
        assertThat(problems(regex("gpt.*")))
                .containsExactly("lora.groups.top.target_modules='gpt.*' matches no module;"
                        + " a module's whole name looks like 'bert.encoder.layer.0.attention.output.dense'");
    }

    @Test
    void refusesALayerNumberThatTheModelLacks() {
        assertThat(problems(names(List.of(0, 12, 13), "query")))
                .containsExactly("lora.groups.top.layers_to_transform: this model has no layer 12, 13;"
                        + " it has layer.0..layer.11");
        assertThat(problems(names(List.of(-1), "query"))).hasSize(1);
    }

    @Test
    void refusesAnEntryOfWhichTheLayerFilterLeavesNothing() {
        assertThat(problems(names(List.of(0), "query", "pooler.dense", "layer.5.output.dense")))
                .containsExactly(
                        "lora.groups.top.target_modules[1]='pooler.dense' matches no module in layers_to_transform=[0];"
                                + " without it it matches 'bert.pooler.dense'",
                        "lora.groups.top.target_modules[2]='layer.5.output.dense' matches no module in"
                                + " layers_to_transform=[0]; without it it matches"
                                + " 'bert.encoder.layer.5.output.dense'");
        assertThat(problems(Modules.selection(new ModulePattern.Regex(".*layer\\.(5|6)\\.output.*"), List.of(0)))
                        .get(0))
                .endsWith("without it it matches 'bert.encoder.layer.5.output.dense' and 1 more");
    }

    @Test
    void reportsEveryProblemAtOnce() {
        assertThat(problems(names(List.of(99, 0), "querry", "kee", "value"))).hasSize(3);
    }

    @Test
    void allLinearIsEveryLinearButTheHead() {
        List<LinearModule> withHead = new ArrayList<>(Modules.twelveLayers());
        withHead.add(new LinearModule("classifier", 32, 2));
        ModuleMatcher.Match match = new ModuleMatcher(withHead).match("lora.groups.top", allLinear());
        assertThat(match.problems()).isEmpty();
        assertThat(match.modules()).containsExactlyInAnyOrderElementsOf(Modules.twelveLayers());
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
                .containsExactly("lora.groups.top.target_modules[0]='all-linear' matches no module;"
                        + " for every Linear write the string all-linear instead of a list");
    }

    @Test
    void allLinearOfAModelWithoutLinearsMatchesNothing() {
        assertThat(new ModuleMatcher(List.of()).match("g", allLinear()).problems())
                .containsExactly("g.target_modules=all-linear matches no module;"
                        + " this model has no module that can be adapted");
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
        ModuleMatcher.Match match = matcher.match(
                "lora.groups.top", excluding(list("pooler.dense"), names(List.of(0), "bert.pooler.dense", "query")));
        assertThat(match.modules())
                .extracting(LinearModule::path)
                .containsExactly("bert.encoder.layer.0.attention.self.query");
        assertThat(match.problems()).hasSize(1);
    }

    @Test
    void refusesATargetOfWhichTheExclusionLeavesNothing() {
        assertThat(problems(excluding(list("value"), names("query", "value"))))
                .containsExactly("lora.groups.top.target_modules[1]='value' matches nothing but what"
                        + " lora.groups.top.exclude_modules excludes: 'bert.encoder.layer.0.attention.self.value' and 11"
                        + " more; remove it from one of them");
    }

    @Test
    void refusesAnExclusionThatMatchesNothing() {
        assertThat(excludeProblems(list("value", "pooller.dense")))
                .containsExactly(
                        "lora.exclude_modules[1]='pooller.dense' matches no module;" + " did you mean 'pooler.dense'?");
        assertThat(excludeProblems(list("layer.12.output.dense")))
                .containsExactly("lora.exclude_modules[0]='layer.12.output.dense' matches no module;"
                        + " this model has layer.0..layer.11");
        assertThat(excludeProblems(new ModulePattern.Regex("pooler")))
                .containsExactly("lora.exclude_modules='pooler' matches no module; it matches only a part of"
                        + " 'bert.pooler.dense' and must match the whole name; begin it with .* perhaps");
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
        assertThat(experts.match("g", names(List.of(1), "up")).modules())
                .extracting(LinearModule::path)
                .containsExactly("model.layers.1.experts.0.up");
    }

    @Test
    void knowsOtherContainersThanLayer() {
        ModuleMatcher other = new ModuleMatcher(
                List.of(new LinearModule("model.h.0.attn", 4, 4), new LinearModule("model.h.1.attn", 4, 4)));
        assertThat(other.match("g", names("h.2.attn")).problems())
                .containsExactly("g.target_modules[0]='h.2.attn' matches no module; this model has h.0..h.1");
    }

    private List<String> paths(ModuleSelection selection) {
        ModuleMatcher.Match match = matcher.match("lora.groups.top", selection);
        assertThat(match.problems()).isEmpty();
        return match.modules().stream().map(LinearModule::path).toList();
    }

    private List<String> problems(ModuleSelection selection) {
        return matcher.match("lora.groups.top", selection).problems();
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
        return matcher.problems(new JobValue<>("lora.exclude_modules", exclude));
    }
}
