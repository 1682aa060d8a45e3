package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.PlainLora;

class ManifestJsonTest {

    private static final LoraModule QUERY =
            new LoraModule("bert.encoder.layer.0.attention.self.query", 4, 16.0, 32, 32);

    @Test
    void writesExactlyThisText() {
        String text = ManifestJson.write(small());
        assertThat(text).isEqualTo("""
                {
                  "format" : 1,
                  "manifest_sha256" : "DIGEST",
                  "base_model_sha256" : "ba5e",
                  "bias" : "none",
                  "groups" : [
                    {
                      "name" : "bottom",
                      "implicit" : false,
                      "state" : "dormant",
                      "purpose" : "for later – «später»",
                      "r" : 4,
                      "alpha" : 16.0,
                      "settings" : {
                        "learning_rate_scale" : 0.25,
                        "lora_dropout" : 0.1,
                        "use_rslora" : true,
                        "warmup_steps" : 10
                      },
                      "modules" : [
                        {
                          "path" : "bert.encoder.layer.0.attention.self.query",
                          "r" : 4,
                          "alpha" : 16.0,
                          "in" : 32,
                          "out" : 32
                        }
                      ]
                    },
                    {
                      "name" : "head",
                      "implicit" : true,
                      "state" : "live",
                      "tensors_sha256" : "4ead",
                      "tensors" : [
                        {
                          "name" : "classifier.bias",
                          "shape" : [
                            2
                          ]
                        }
                      ]
                    }
                  ]
                }
                """.replace("DIGEST", ManifestDigest.sha256(small().manifest())));
    }

    @Test
    void readsBackWhatItWrote() {
        LoraManifest manifest = ManifestBuilder.build(
                List.of(
                        ManifestBuilderTest.group("top", "", 8, ManifestBuilderTest.names("layer.11.output.dense")),
                        ManifestBuilderTest.group("mid", "", 1, ManifestBuilderTest.names("layer.5.output.dense")),
                        ManifestBuilderTest.group("low", "", 2, ManifestBuilderTest.names("layer.0.output.dense"))),
                ManifestBuilderTest.MODEL,
                BiasMode.ALL,
                PlainLora.INSTANCE);
        ManifestFile file = new ManifestFile(
                manifest,
                FreezeState.of(Map.of("top", GroupState.LIVE, "mid", GroupState.FROZEN, "low", GroupState.DORMANT)),
                new TreeMap<>(Map.of("top", "1", "mid", "2", "head", "3", "bias", "4")),
                "base",
                List.of("no", "yes"));
        String text = ManifestJson.write(file);
        assertThat(ManifestJson.read(text)).isEqualTo(file);
        assertThat(ManifestJson.write(ManifestJson.read(text))).isEqualTo(text);
    }

    @Test
    void readsBackModulesOfDifferentRanksAndOddAlphas() {
        LoraGroup mixed = new LoraGroup(
                "mixed",
                "",
                List.of(QUERY, new LoraModule("bert.encoder.layer.0.attention.self.value", 7, 0.1 + 0.2, 32, 32)),
                GroupSettings.PLAIN);
        ManifestFile file =
                file(new LoraManifest(PlainLora.INSTANCE, List.of(mixed), BiasMode.LORA_ONLY, List.of(), List.of()));
        assertThat(ManifestJson.read(ManifestJson.write(file))).isEqualTo(file);
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void readsBackEachVariantWhichIsAbsentForPlainLora(LoraVariant variant) {
        ManifestFile plain = small();
        ManifestFile file = file(new LoraManifest(
                variant, plain.manifest().groups(), BiasMode.NONE, plain.manifest().head(), List.of()));
        String text = ManifestJson.write(file);
        assertThat(ManifestJson.read(text)).isEqualTo(file);
        assertThat(text.contains("\"variant\"")).isEqualTo(!variant.settings().isEmpty());
        assertThat(ManifestDigest.sha256(file.manifest()).equals(ManifestDigest.sha256(plain.manifest())))
                .isEqualTo(variant.settings().isEmpty());
    }

    @Test
    void theDigestIsOverTheStructureAndNotTheState() {
        LoraManifest manifest = small().manifest();
        String digest = ManifestDigest.sha256(manifest);
        assertThat(digest).hasSize(64);
        LoraGroup group = manifest.groups().get(0);
        GroupSettings slower = new GroupSettings(0.0, true, 0.5, 0);
        assertThat(digestOf(new LoraGroup("bottom", "other words", group.modules(), slower)))
                .isEqualTo(digest);
        assertThat(digestOf(new LoraGroup("low", "", group.modules(), slower))).isNotEqualTo(digest);
        assertThat(digestOf(new LoraGroup("bottom", "", group.modules(), GroupSettings.PLAIN)))
                .isNotEqualTo(digest);
        assertThat(digestOf(new LoraGroup("bottom", "", List.of(module(5, 16.0)), slower)))
                .isNotEqualTo(digest);
        assertThat(digestOf(new LoraGroup("bottom", "", List.of(module(4, 17.0)), slower)))
                .isNotEqualTo(digest);
        assertThat(ManifestDigest.sha256(new LoraManifest(
                        PlainLora.INSTANCE, manifest.groups(), BiasMode.LORA_ONLY, manifest.head(), List.of())))
                .isNotEqualTo(digest);
    }

    @Test
    void theDigestOfVersion1StaysWhatItIs() {
        // Stored runs carry it: a change here makes them unreadable and needs a new format number.
        assertThat(ManifestDigest.sha256(small().manifest()))
                .isEqualTo("6ebb478c623d4956faa7598036ae11fd7faa88ac470cc0bc3b98cc06482f9bc1");
    }

    @Test
    void refusesAnotherFormat() {
        String text = ManifestJson.write(small()).replace("\"format\" : 1", "\"format\" : 2");
        assertThatThrownBy(() -> ManifestJson.read(text))
                .isInstanceOf(ManifestException.class)
                .hasMessageContainingAll("manifest.json", "2", "1", "[manifest.file.format]");
        assertThatThrownBy(() -> ManifestJson.read("{}")).hasMessageEndingWith("[manifest.file.invalid]");
    }

    @Test
    void refusesATextThatWasChanged() {
        String text = ManifestJson.write(small());
        assertThatThrownBy(() -> ManifestJson.read(text.replace("self.query", "self.key")))
                .hasMessageContaining("manifest.json")
                .hasMessageEndingWith("[manifest.file.changed]");
        assertThatThrownBy(() -> ManifestJson.read(text.replace("\"warmup_steps\"", "\"warmup\"")))
                .hasMessageContaining("'warmup_steps'")
                .hasMessageEndingWith("[manifest.file.invalid]");
        assertThatThrownBy(() -> ManifestJson.read(text.substring(0, 40)))
                .hasMessageContaining("JSON")
                .hasMessageEndingWith("[manifest.file.invalid]");
    }

    @Test
    void refusesADigestOfADormantOrUnknownGroup() {
        ManifestFile good = small();
        assertThatThrownBy(() -> new ManifestFile(
                        good.manifest(), good.state(), new TreeMap<>(Map.of("bottom", "1")), "base", List.of()))
                .hasMessageContaining("'bottom'");
        assertThatThrownBy(() -> new ManifestFile(
                        good.manifest(), good.state(), new TreeMap<>(Map.of("x", "1")), "base", List.of()))
                .hasMessageContaining("'x'");
    }

    private static ManifestFile small() {
        LoraGroup bottom =
                new LoraGroup("bottom", "for later – «später»", List.of(QUERY), new GroupSettings(0.1, true, 0.25, 10));
        return new ManifestFile(
                manifest(bottom),
                FreezeState.of(Map.of("bottom", GroupState.DORMANT)),
                new TreeMap<>(Map.of("head", "4ead")),
                "ba5e",
                List.of());
    }

    private static LoraManifest manifest(LoraGroup group) {
        TensorSpec bias = new TensorSpec("classifier.bias", List.of(2));
        return new LoraManifest(PlainLora.INSTANCE, List.of(group), BiasMode.NONE, List.of(bias), List.of());
    }

    private static String digestOf(LoraGroup group) {
        return ManifestDigest.sha256(manifest(group));
    }

    private static LoraModule module(int r, double alpha) {
        return new LoraModule(QUERY.path(), r, alpha, 32, 32);
    }

    private static ManifestFile file(LoraManifest manifest) {
        Map<String, GroupState> states = new TreeMap<>();
        manifest.groups().forEach(g -> states.put(g.name(), GroupState.LIVE));
        return new ManifestFile(manifest, FreezeState.of(states), new TreeMap<>(), "base", List.of());
    }
}
