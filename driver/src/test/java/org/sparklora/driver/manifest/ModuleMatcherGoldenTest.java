package org.sparklora.driver.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What PEFT adapted in the stored runs is what we match. */
class ModuleMatcherGoldenTest {

    private static final Path CASES = Modules.GOLDEN.resolve("cases");

    static Stream<String> trainCases() throws IOException {
        try (Stream<Path> folders = Files.list(CASES)) {
            return folders
                    .map(f -> f.getFileName().toString())
                    .filter(name -> goldenCase(name).path("kind").asText().equals("train"))
                    // Two cases whose meaning is not current PEFT's list or string; each has its own test below.
                    .filter(name -> !name.equals("all-linear-current") && !name.equals("seed-literal-peft030"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("trainCases")
    void matchesWhatPeftAdapted(String name) {
        JsonNode golden = goldenCase(name);
        ModuleMatcher.Match match = match(golden);
        assertThat(match.problems()).isEmpty();
        assertThat(match.modules()).containsExactlyInAnyOrderElementsOf(adaptedByPeft(golden));
    }

    @Test
    void coversEveryOtherCase() throws IOException {
        assertThat(trainCases()).hasSizeGreaterThanOrEqualTo(20).contains("layers-to-transform", "all-linear");
    }

    @Test
    void theLiteralListOfPeft030DoesNotReachLayer10() {
        // PEFT 0.3.0 matched by String.endsWith, so '0.attention.self.query' also adapted layer 10.
        JsonNode golden = goldenCase("seed-literal-peft030");
        ModuleMatcher.Match match = match(golden);
        List<LinearModule> withoutLayer10 = adaptedByPeft(golden).stream()
                .filter(m -> !m.path().contains(".layer.10."))
                .toList();
        assertThat(adaptedByPeft(golden)).hasSize(6);
        assertThat(withoutLayer10).hasSize(4);
        assertThat(match.problems()).isEmpty();
        assertThat(match.modules()).containsExactlyInAnyOrderElementsOf(withoutLayer10);
    }

    @Test
    void theShorthandAllLinearIsARegularExpressionThatMatchesNothing() {
        ModuleMatcher.Match match = match(goldenCase("all-linear-current"));
        assertThat(match.modules()).isEmpty();
        assertThat(match.problems())
                .containsExactly("lora.groups.all.target_modules='all-linear' matches no module; PEFT's shorthand"
                        + " 'all-linear' is not taken here; list names of this model: [dense, key, query, value]");
    }

    @Test
    void theListThatTheErrorProposesMeansAllLinear() {
        JsonNode golden = goldenCase("all-linear-current");
        ModuleMatcher.Match match = new ModuleMatcher(
                        Modules.ofModel(golden.path("base_model").asText()))
                .match(
                        "lora.groups.all",
                        new TargetModules.Names(List.of("dense", "key", "query", "value"), List.of()));
        assertThat(match.modules()).containsExactlyInAnyOrderElementsOf(adaptedByPeft(golden));
    }

    private static ModuleMatcher.Match match(JsonNode golden) {
        JsonNode hyper = golden.path("hyper");
        List<Integer> layers = new ArrayList<>();
        hyper.path("layers_to_transform").forEach(n -> layers.add(n.asInt()));
        JsonNode target = hyper.path("target_modules");
        List<String> names = new ArrayList<>();
        target.forEach(n -> names.add(n.asText()));
        TargetModules targets = target.isTextual()
                ? new TargetModules.Regex(target.asText(), layers)
                : new TargetModules.Names(names, layers);
        return new ModuleMatcher(Modules.ofModel(golden.path("base_model").asText())).match("lora.groups.all", targets);
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
