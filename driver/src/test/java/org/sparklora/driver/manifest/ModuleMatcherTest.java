package org.sparklora.driver.manifest;

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
        assertThat(paths(new TargetModules.Regex(".*query", List.of(3))))
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
    void refusesABadRegularExpressionWithItsPosition() {
        assertThat(problems(regex(".*(query")))
                .containsExactly("lora.groups.top.target_modules='.*(query' is not a regular expression:"
                        + " Unclosed group at position 8");
        assertThat(problems(regex("(?P<n>query)")).get(0)).endsWith("; write a named group as (?<name>…)");
    }

    @Test
    void refusesALayerNumberThatTheModelLacks() {
        assertThat(problems(names(List.of(0, 12), "query")))
                .containsExactly("lora.groups.top.layers_to_transform[1]=12 is no layer of this model;"
                        + " this model has layer.0..layer.11");
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
        assertThat(problems(new TargetModules.Regex(".*layer\\.(5|6)\\.output.*", List.of(0)))
                        .get(0))
                .endsWith("without it it matches 'bert.encoder.layer.5.output.dense' and 1 more");
    }

    @Test
    void reportsEveryProblemAtOnce() {
        assertThat(problems(names(List.of(99, 0), "querry", "kee", "value"))).hasSize(3);
    }

    @Test
    void knowsOtherContainersThanLayer() {
        ModuleMatcher other = new ModuleMatcher(
                List.of(new LinearModule("model.h.0.attn", 4, 4), new LinearModule("model.h.1.attn", 4, 4)));
        assertThat(other.match("g", names("h.2.attn")).problems())
                .containsExactly("g.target_modules[0]='h.2.attn' matches no module; this model has h.0..h.1");
    }

    private List<String> paths(TargetModules targets) {
        ModuleMatcher.Match match = matcher.match("lora.groups.top", targets);
        assertThat(match.problems()).isEmpty();
        return match.modules().stream().map(LinearModule::path).toList();
    }

    private List<String> problems(TargetModules targets) {
        return matcher.match("lora.groups.top", targets).problems();
    }

    private static TargetModules names(String... names) {
        return names(List.of(), names);
    }

    private static TargetModules names(List<Integer> layers, String... names) {
        return new TargetModules.Names(List.of(names), layers);
    }

    private static TargetModules regex(String regex) {
        return new TargetModules.Regex(regex, List.of());
    }
}
