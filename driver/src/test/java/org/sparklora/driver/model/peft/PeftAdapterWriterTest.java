package org.sparklora.driver.model.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.Tensor;

class PeftAdapterWriterTest {

    private static final List<TensorSpec> HEAD =
            List.of(new TensorSpec("classifier.weight", List.of(2, 4)), new TensorSpec("classifier.bias", List.of(2)));
    private static final AdapterDetails DETAILS = details("bert-tiny", Optional.empty());

    @TempDir
    Path dir;

    private static AdapterDetails details(String base, Optional<AdapterDetails.TrainingSummary> trainedOn) {
        return new AdapterDetails(base, "SEQ_CLS", 0.05, List.of("classifier"), trainedOn);
    }

    @Test
    void configOfTwoGroupsOfDifferentRank() {
        LoraManifest manifest = twoGroups(BiasMode.NONE);

        String config = config(PeftAdapterWriter.files(manifest, Set.of("top", "bottom"), values(manifest), DETAILS));

        assertThat(config).isEqualTo("""
            {
              "alpha_pattern": {
                "bert.encoder.layer.0.attention.self.query": 4.5
              },
              "base_model_name_or_path": "bert-tiny",
              "bias": "none",
              "fan_in_fan_out": false,
              "inference_mode": true,
              "init_lora_weights": true,
              "lora_alpha": 16,
              "lora_dropout": 0.05,
              "modules_to_save": [
                "classifier"
              ],
              "peft_type": "LORA",
              "r": 2,
              "rank_pattern": {
                "bert.encoder.layer.0.attention.self.query": 1
              },
              "target_modules": [
                "bert.encoder.layer.0.attention.self.query",
                "bert.encoder.layer.11.attention.self.query",
                "bert.encoder.layer.11.attention.self.value"
              ],
              "task_type": "SEQ_CLS"
            }
            """);
    }

    @Test
    void modulesOfOneGroupWithTheirOwnRanksAndAlphasAreReadAsTheyWere() throws IOException {
        String self = "bert.encoder.layer.1.attention.self.";
        LoraGroup group = new LoraGroup(
                "g",
                "",
                List.of(
                        new LoraModule(self + "query", 2, 16, 4, 4),
                        new LoraModule(self + "key", 4, 16, 4, 4),
                        new LoraModule(self + "value", 4, 3.5, 4, 4)),
                new GroupSettings(0, true, 1, 0));
        LoraManifest manifest = new LoraManifest(PlainLora.INSTANCE, List.of(group), BiasMode.NONE, HEAD, List.of());

        SortedMap<String, byte[]> files = PeftAdapterWriter.files(manifest, Set.of("g"), values(manifest), DETAILS);
        PeftAdapter read = save(files);

        for (LoraModule module : group.modules()) {
            assertThat(read.rank(module.path())).isEqualTo(module.loraRank());
            assertThat(read.alpha(module.path())).isEqualTo(module.loraAlpha());
        }
        assertThat(read.config().ranks().rankStabilized()).isTrue();
        assertThat(read.config().ranks().rankPattern().asMap().keySet())
                .allMatch(group.modules().stream().map(LoraModule::path).toList()::contains)
                .isNotEmpty();
        assertThat(config(files)).contains("alpha_pattern", "\"" + self + "value\": 3.5");
    }

    @Test
    void theCardSaysWhatTheAdapterIsAndNothingOfTheMachine() {
        LoraGroup top = new LoraGroup(
                "top",
                "decides | at\n the end",
                List.of(new LoraModule("bert.encoder.layer.11.attention.self.query", 2, 16, 4, 4)),
                GroupSettings.PLAIN);
        LoraGroup bottom = new LoraGroup(
                "bottom",
                "",
                List.of(new LoraModule("bert.encoder.layer.0.attention.self.query", 1, 4.5, 4, 4)),
                GroupSettings.PLAIN);
        LoraManifest manifest =
                new LoraManifest(PlainLora.INSTANCE, List.of(top, bottom), BiasMode.NONE, HEAD, List.of());
        AdapterDetails details = details(
                "/models/of me/bert-\"tiny\"",
                Optional.of(new AdapterDetails.TrainingSummary("train.csv", 2560, 500, 48, List.of("no", "`yes`"))));

        SortedMap<String, byte[]> files =
                PeftAdapterWriter.files(manifest, Set.of("top", "head"), values(manifest), details);

        assertThat(new String(files.getOrDefault("README.md", new byte[0]), StandardCharsets.UTF_8))
                .isEqualTo("""
                    ---
                    library_name: peft
                    base_model: "bert-\\"tiny\\""
                    ---

                    # LoRA adapter for `bert-"tiny"`

                    ## How to load it

                    ```python
                    from peft import PeftModel
                    from transformers import AutoModelForSequenceClassification

                    base = AutoModelForSequenceClassification.from_pretrained("bert-\\"tiny\\"", num_labels=2)
                    model = PeftModel.from_pretrained(base, "adapter").eval()
                    ```

                    The first name is the base model's directory, the second this one. `spark-lora merge` writes both as one model.

                    ## Training data

                    2,560 rows of `train.csv`, 500 more for validation, texts of at most 48 tokens. The outputs mean, in order: `no`, `'yes'`.

                    ## Groups

                    | group | purpose | modules | r | lora_alpha | in this adapter |
                    |---|---|---|---|---|---|
                    | `bottom` |  | bert.encoder.layer.0.attention.self.query | 1 | 4.5 | no, it never trained |
                    | `top` | decides \\| at the end | bert.encoder.layer.11.attention.self.query | 2 | 16 | yes |

                    The head is saved whole: `classifier`. Biases trained: none.
                    """);
        AdapterDetails other = details("elsewhere", Optional.empty());
        assertThat(PeftAdapterWriter.files(manifest, Set.of("top", "head"), values(manifest), other)
                        .get("adapter_model.safetensors"))
                .isEqualTo(files.get("adapter_model.safetensors"));
    }

    @Test
    void dormantGroupsAreLeftOut() throws IOException {
        LoraManifest manifest = twoGroups(BiasMode.LORA_ONLY);

        SortedMap<String, byte[]> files =
                PeftAdapterWriter.files(manifest, Set.of("bottom", "head"), values(manifest), DETAILS);

        assertThat(files).containsOnlyKeys("README.md", "adapter_config.json", "adapter_model.safetensors");
        assertThat(config(files)).contains("\"r\": 1,").doesNotContain("layer.11", "_pattern", "use_rslora");
        assertThat(raw(files))
                .containsOnlyKeys(
                        "base_model.model.bert.encoder.layer.0.attention.self.query.base_layer.bias",
                        "base_model.model.bert.encoder.layer.0.attention.self.query.bias",
                        "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight",
                        "base_model.model.bert.encoder.layer.0.attention.self.query.lora_B.weight",
                        "base_model.model.classifier.bias",
                        "base_model.model.classifier.weight");
    }

    @Test
    void allDormantListsEveryModuleAndWritesTheHeadAlone() throws IOException {
        LoraManifest manifest = twoGroups(BiasMode.NONE);

        SortedMap<String, byte[]> files = PeftAdapterWriter.files(manifest, Set.of(), values(manifest), DETAILS);

        assertThat(config(files)).contains("layer.0.attention.self.query", "layer.11.attention.self.value");
        assertThat(raw(files))
                .containsOnlyKeys("base_model.model.classifier.bias", "base_model.model.classifier.weight");
        assertThat(save(files).modules()).isEmpty();
    }

    @Test
    void biasesOfAdaptedModulesAreSpelledForBothPeftVersions() throws IOException {
        LoraManifest plain = twoGroups(BiasMode.ALL);
        String adapted = "bert.encoder.layer.0.attention.self.query.bias";
        String other = "bert.encoder.layer.0.attention.self.key.bias";
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                plain.groups(),
                BiasMode.ALL,
                HEAD,
                List.of(new TensorSpec(adapted, List.of(4)), new TensorSpec(other, List.of(4))));

        SortedMap<String, Tensor> raw =
                raw(PeftAdapterWriter.files(manifest, Set.of("bottom"), values(manifest), DETAILS));

        assertThat(raw)
                .containsKeys(
                        "base_model.model." + adapted,
                        "base_model.model.bert.encoder.layer.0.attention.self.query.base_layer.bias",
                        "base_model.model." + other)
                .doesNotContainKey("base_model.model.bert.encoder.layer.0.attention.self.key.base_layer.bias");
    }

    @Test
    void rankStabilizedIsSaidForAllGroupsOrNone() {
        LoraManifest plain = twoGroups(BiasMode.NONE);
        GroupSettings stabilized = new GroupSettings(0, true, 1, 0);
        List<LoraGroup> all = plain.groups().stream()
                .map(g -> new LoraGroup(g.name(), "", g.modules(), stabilized))
                .toList();
        LoraManifest every = new LoraManifest(PlainLora.INSTANCE, all, BiasMode.NONE, HEAD, List.of());
        assertThat(config(PeftAdapterWriter.files(every, Set.of("top"), values(every), DETAILS)))
                .contains("\"use_rslora\": true");

        LoraManifest mixed = new LoraManifest(
                PlainLora.INSTANCE, List.of(all.get(0), plain.groups().get(1)), BiasMode.NONE, HEAD, List.of());
        assertThatThrownBy(() -> PeftAdapterWriter.files(mixed, Set.of("top", "bottom"), values(mixed), DETAILS))
                .hasMessageContainingAll("use_rslora", "[adapter.rslora]");
    }

    @Test
    void refusesASnapshotThatLacksSomething() {
        LoraManifest manifest = twoGroups(BiasMode.NONE);
        AdapterSnapshot whole = values(manifest);

        AdapterSnapshot headless = whole.only(name -> !name.equals("classifier.weight"));
        assertThatThrownBy(() -> PeftAdapterWriter.files(manifest, Set.of("top"), headless, DETAILS))
                .isInstanceOf(PeftException.class)
                .hasMessageContainingAll("'classifier.weight'", "[adapter.incomplete]");

        AdapterSnapshot half = whole.only(name -> !name.contains("layer.11.attention.self.value.lora_B"));
        assertThatThrownBy(() -> PeftAdapterWriter.files(manifest, Set.of("top"), half, DETAILS))
                .hasMessageContainingAll(
                        "'bert.encoder.layer.11.attention.self.value.lora_B.weight'", "[adapter.incomplete]");
        assertThat(PeftAdapterWriter.files(manifest, Set.of("bottom"), half, DETAILS))
                .isNotEmpty();

        AdapterSnapshot wrong = whole.with(new AdapterSnapshot(Map.of("classifier.bias", new float[3])));
        assertThatThrownBy(() -> PeftAdapterWriter.files(manifest, Set.of("top"), wrong, DETAILS))
                .hasMessageContainingAll("'classifier.bias'", "3", "[2]", "[adapter.tensor]");

        assertThatThrownBy(() -> PeftAdapterWriter.files(manifest, Set.of("middle"), whole, DETAILS))
                .hasMessageContaining("'middle'");
    }

    static List<Path> adapters() throws IOException {
        return PeftAdapterTest.adapters();
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void whatPeftWroteComesBackFromOurOwnFiles(Path adapterDir) throws IOException {
        PeftAdapter adapter = PeftAdapter.read(adapterDir);
        LoraManifest manifest = manifest(adapter);
        Set<String> groups = Set.copyOf(manifest.names());

        SortedMap<String, byte[]> files = PeftAdapterWriter.files(manifest, groups, adapter.snapshot(), DETAILS);
        PeftAdapter again = save(files);

        assertThat(again.tensors()).isEqualTo(adapter.tensors());
        assertThat(again.modules()).isEqualTo(adapter.modules()).isNotEmpty();
        assertThat(new ObjectMapper().readTree(config(files)).get("target_modules"))
                .extracting(JsonNode::asText)
                .containsExactlyElementsOf(adapter.modules());
        for (String module : adapter.modules()) {
            assertThat(again.rank(module)).isEqualTo(adapter.rank(module));
            assertThat(again.alpha(module)).isEqualTo(adapter.alpha(module));
        }
        assertThat(again.config().bias()).isEqualTo(adapter.config().bias());
        assertThat(again.config().ranks().rankStabilized())
                .isEqualTo(adapter.config().ranks().rankStabilized());

        SortedMap<String, byte[]> second = PeftAdapterWriter.files(manifest(again), groups, again.snapshot(), DETAILS);
        files.forEach((name, bytes) -> assertThat(second.get(name)).as(name).isEqualTo(bytes));
    }

    /** One group per encoder layer, so that the golden runs with several ranks exercise the patterns. */
    private static LoraManifest manifest(PeftAdapter adapter) {
        Map<String, List<LoraModule>> byLayer = new TreeMap<>();
        for (String module : adapter.modules()) {
            int in = shape(adapter, module + ".lora_A.weight").get(1);
            int out = shape(adapter, module + ".lora_B.weight").get(0);
            String layer = module.replaceAll(".*layer\\.(\\d+)\\..*", "layer$1").replace('.', '-');
            byLayer.computeIfAbsent(layer, l -> new ArrayList<>())
                    .add(new LoraModule(module, adapter.rank(module), adapter.alpha(module), in, out));
        }
        GroupSettings settings = new GroupSettings(0, adapter.config().ranks().rankStabilized(), 1, 0);
        List<LoraGroup> groups = new ArrayList<>();
        byLayer.forEach((layer, modules) -> groups.add(new LoraGroup(layer, "", modules, settings)));
        List<TensorSpec> head = new ArrayList<>();
        List<TensorSpec> biases = new ArrayList<>();
        for (String name : adapter.tensors().keySet()) {
            TensorSpec spec = new TensorSpec(name, shape(adapter, name));
            if (name.startsWith("classifier.")) {
                head.add(spec);
            } else if (name.endsWith(".bias") && adapter.config().bias() == BiasMode.ALL) {
                biases.add(spec);
            }
        }
        return new LoraManifest(
                adapter.config().variant(), groups, adapter.config().bias(), head, biases);
    }

    private static List<Integer> shape(PeftAdapter adapter, String name) {
        Tensor tensor = adapter.tensors().get(name);
        assertThat(tensor).as(name).isNotNull();
        return tensor == null ? List.of() : tensor.shape();
    }

    private static LoraManifest twoGroups(BiasMode bias) {
        LoraGroup top = new LoraGroup(
                "top",
                "",
                List.of(
                        new LoraModule("bert.encoder.layer.11.attention.self.query", 2, 16, 4, 4),
                        new LoraModule("bert.encoder.layer.11.attention.self.value", 2, 16, 4, 4)),
                GroupSettings.PLAIN);
        LoraGroup bottom = new LoraGroup(
                "bottom",
                "",
                List.of(new LoraModule("bert.encoder.layer.0.attention.self.query", 1, 4.5, 4, 4)),
                GroupSettings.PLAIN);
        return new LoraManifest(PlainLora.INSTANCE, List.of(top, bottom), bias, HEAD, List.of());
    }

    private static AdapterSnapshot values(LoraManifest manifest) {
        Map<String, float[]> values = new HashMap<>();
        for (String group : manifest.names()) {
            for (TensorSpec spec : manifest.tensors(group)) {
                float[] v = new float[spec.size()];
                for (int i = 0; i < v.length; i++) {
                    v[i] = i + spec.name().length() / 128f;
                }
                values.put(spec.name(), v);
            }
        }
        return new AdapterSnapshot(values);
    }

    private static String config(SortedMap<String, byte[]> files) {
        return new String(files.getOrDefault("adapter_config.json", new byte[0]), StandardCharsets.UTF_8);
    }

    private PeftAdapter save(SortedMap<String, byte[]> files) throws IOException {
        for (Map.Entry<String, byte[]> e : files.entrySet()) {
            Files.write(dir.resolve(e.getKey()), e.getValue());
        }
        return PeftAdapter.read(dir);
    }

    private SortedMap<String, Tensor> raw(SortedMap<String, byte[]> files) throws IOException {
        save(files);
        return Golden.tensors(dir.resolve("adapter_model.safetensors"));
    }
}
