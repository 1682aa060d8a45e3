package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.job.text.Problems;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.lora.PlainLora;

/** What PEFT adapted in the stored runs is what we match. */
class ModuleMatcherGoldenTest {

    private static final Path CASES = Modules.GOLDEN.resolve("cases");

    static Stream<String> trainCases() throws IOException {
        try (Stream<Path> folders = Files.list(CASES)) {
            return folders
                    .map(f -> f.getFileName().toString())
                    .filter(name -> goldenCase(name).path("kind").asText().equals("train"))
                    // What PEFT 0.3.0's own rule adapted; it has its own test below.
                    .filter(name -> !name.equals("seed-literal-peft030"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("trainCases")
    void matchesWhatPeftAdapted(String name) {
        JsonNode golden = goldenCase(name);
        assertThat(match(golden)).containsExactlyInAnyOrderElementsOf(adaptedByPeft(golden));
    }

    @Test
    void coversEveryOtherCase() throws IOException {
        assertThat(trainCases())
                .hasSizeGreaterThanOrEqualTo(20)
                .contains("layers-to-transform", "all-linear", "all-linear-current", "mixed-ranks");
    }

    @Test
    void theLiteralListOfPeft030DoesNotReachLayer10() {
        // PEFT 0.3.0 matched by String.endsWith, so '0.attention.self.query' also adapted layer 10.
        JsonNode golden = goldenCase("seed-literal-peft030");
        List<LinearModule> withoutLayer10 = adaptedByPeft(golden).stream()
                .filter(m -> !m.path().contains(".layer.10."))
                .toList();
        assertThat(adaptedByPeft(golden)).hasSize(6);
        assertThat(withoutLayer10).hasSize(4);
        assertThat(match(golden)).containsExactlyInAnyOrderElementsOf(withoutLayer10);
    }

    @Test
    void peft030sWiderMatchIsNamedAsATrap() {
        JsonNode golden = goldenCase("seed-literal-peft030");
        List<String> ours = match(golden).stream().map(LinearModule::path).toList();
        String[] theirs = adaptedByPeft(golden).stream()
                .map(LinearModule::path)
                .filter(path -> !ours.contains(path))
                .toArray(String[]::new);
        GroupSpec group = new GroupSpec("all", "", selection(golden), Modules.size(4, 8), GroupSettings.PLAIN);
        List<LinearModule> linears = Modules.ofModel(golden.path("base_model").asText());
        assertThat(theirs).hasSize(2);
        assertThat(PeftTraps.of(List.of(group), linears))
                .hasSize(2)
                .allSatisfy(trap -> assertThat(trap).containsAnyOf(theirs));
    }

    @ParameterizedTest
    @MethodSource("trainCases")
    void ranksAndAlphasAreThoseThatPeftUsed(String name) {
        JsonNode golden = goldenCase(name);
        JsonNode hyper = golden.path("hyper");
        GroupSpec.Size size = new GroupSpec.Size(
                hyper.path("r").asInt(),
                hyper.path("lora_alpha").asDouble(),
                new JobValue<>("lora.rank_pattern", patterns(hyper.path("rank_pattern"), JsonNode::asInt)),
                new JobValue<>("lora.alpha_pattern", patterns(hyper.path("alpha_pattern"), JsonNode::asDouble)));
        GroupSpec group = new GroupSpec("all", "", selection(golden), size, GroupSettings.PLAIN);
        ModelTensors model =
                new ModelTensors(Modules.ofModel(golden.path("base_model").asText()), List.of(), List.of());
        LoraManifest manifest = ManifestBuilder.build(List.of(group), model, BiasMode.NONE, PlainLora.INSTANCE);
        List<LoraModule> adapted = new ArrayList<>();
        for (JsonNode m : golden.path("matched_modules")) {
            adapted.add(new LoraModule(
                    m.path("module").asText(),
                    m.path("r").asInt(),
                    m.path("lora_alpha").asDouble(),
                    m.path("in_features").asInt(),
                    m.path("out_features").asInt()));
        }
        assertThat(manifest.groups().get(0).modules()).containsExactlyInAnyOrderElementsOf(adapted);
    }

    private static <T> PatternMap<T> patterns(JsonNode node, Function<JsonNode, T> value) {
        Map<String, T> patterns = new LinkedHashMap<>();
        node.fields().forEachRemaining(e -> patterns.put(e.getKey(), value.apply(e.getValue())));
        return PatternMap.of(patterns);
    }

    private static List<LinearModule> match(JsonNode golden) {
        Problems problems = new Problems();
        List<LinearModule> matched = new ModuleMatcher(
                        Modules.ofModel(golden.path("base_model").asText()))
                .match("lora.groups.all", selection(golden), problems);
        assertThat(problems.lines()).isEmpty();
        return matched;
    }

    private static ModuleSelection selection(JsonNode golden) {
        JsonNode hyper = golden.path("hyper");
        List<Integer> layers = new ArrayList<>();
        hyper.path("layers_to_transform").forEach(n -> layers.add(n.asInt()));
        return Modules.selection(targets(hyper.path("target_modules")), layers);
    }

    private static ModulePattern targets(JsonNode target) {
        if (target.isTextual()) {
            return target.asText().equals(ModulePattern.AllLinear.SHORTHAND)
                    ? new ModulePattern.AllLinear()
                    : new ModulePattern.Regex(target.asText());
        }
        List<String> names = new ArrayList<>();
        target.forEach(n -> names.add(n.asText()));
        return new ModulePattern.Names(names);
    }

    private static List<LinearModule> adaptedByPeft(JsonNode golden) {
        List<LinearModule> adapted = new ArrayList<>();
        for (JsonNode m : golden.path("matched_modules")) {
            adapted.add(new LinearModule(
                    m.path("module").asText(),
                    m.path("in_features").asInt(),
                    m.path("out_features").asInt()));
        }
        return adapted;
    }

    private static JsonNode goldenCase(String name) {
        return Modules.read(CASES.resolve(name).resolve("case.json"));
    }
}
