package org.sparklora.driver.model.peft;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiPredicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** Every way in which PEFT 0.3.0 and current PEFT spell the same adapter, in and out. */
class PeftDoorsTest {

    private static final String QUERY = "bert.encoder.layer.1.attention.self.query";
    private static final String VALUE = "bert.encoder.layer.1.attention.self.value";

    /** The keys that each version writes, as in the stored adapters, without target_modules. */
    private static final Map<String, String> CONFIGS = Map.of("0.3.0", """
        "base_model_name_or_path": "m", "bias": "lora_only", "fan_in_fan_out": false, "inference_mode": true,
        "init_lora_weights": true, "lora_alpha": 8, "lora_dropout": 0.0, "modules_to_save": null,
        "peft_type": "LORA", "r": 1, "task_type": "SEQ_CLS"
        """, "current", """
        "alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "auto_mapping": null,
        "base_model_name_or_path": "m", "bias": "lora_only", "corda_config": null, "eva_config": null,
        "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
        "layer_replication": null, "layers_pattern": null, "layers_to_transform": null, "loftq_config": {},
        "lora_alpha": 8, "lora_bias": false, "lora_dropout": 0.0, "megatron_config": null,
        "megatron_core": "megatron.core", "modules_to_save": ["classifier", "score"], "peft_type": "LORA",
        "peft_version": "0.17.1", "qalora_group_size": 16, "r": 1, "rank_pattern": {}, "revision": null,
        "target_parameters": null, "task_type": "SEQ_CLS", "trainable_token_indices": null, "use_dora": false,
        "use_qalora": false, "use_rslora": false
        """, "0.21.0", """
        "alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "auto_mapping": null,
        "base_model_name_or_path": null, "bias": "lora_only", "corda_config": null, "ensure_weight_tying": false,
        "eva_config": null, "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": false,
        "init_lora_weights": "mica", "kasa_config": null, "layer_replication": null, "layers_pattern": null,
        "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 8, "lora_bias": false, "lora_dropout": 0.0,
        "lora_ga_config": null, "megatron_config": null, "megatron_core": "megatron.core", "modules_to_save": null,
        "monteclora_config": null, "peft_type": "LORA", "peft_version": "0.21.0", "qalora_group_size": 16, "r": 1,
        "rank_pattern": {}, "revision": null, "target_parameters": null, "task_type": null,
        "trainable_token_indices": null, "use_bdlora": null, "use_dora": false, "use_qalora": false,
        "use_rslora": false, "velora_config": null
        """);

    /** target_modules of the same two modules. */
    private static final Map<String, String> TARGETS = Map.of(
            "full names",
            "[\"" + QUERY + "\", \"" + VALUE + "\"]",
            "dot-suffixes",
            "[\"layer.1.attention.self.query\", \"1.attention.self.value\"]",
            "regular expression",
            "\".*\\\\.layer\\\\.1\\\\.attention\\\\.self\\\\.(query|value)\"");

    @TempDir
    private Path dir;

    static Stream<Arguments> spellings() {
        return CONFIGS.keySet().stream()
                .flatMap(version -> TARGETS.keySet().stream()
                        .flatMap(targets -> Stream.of(".bias", ".base_layer.bias", "both")
                                .map(bias -> Arguments.of(version, targets, bias))));
    }

    @ParameterizedTest
    @MethodSource("spellings")
    void everySpellingIsTheSameAdapter(String version, String targets, String bias) throws IOException {
        Files.writeString(
                dir.resolve("adapter_config.json"),
                "{" + CONFIGS.get(version) + ", \"target_modules\": " + TARGETS.get(targets) + "}");
        SortedMap<String, Tensor> raw = new TreeMap<>();
        SortedMap<String, Tensor> expected = new TreeMap<>();
        float next = 1;
        for (String module : List.of(QUERY, VALUE)) {
            Tensor a = new Tensor(List.of(1, 2), new float[] {next++, next++});
            Tensor b = new Tensor(List.of(2, 1), new float[] {next++, next++});
            Tensor c = new Tensor(List.of(2), new float[] {next++, next++});
            expected.put(module + ".lora_A.weight", a);
            expected.put(module + ".lora_B.weight", b);
            expected.put(module + ".bias", c);
            raw.put("base_model.model." + module + ".lora_A.weight", a);
            raw.put("base_model.model." + module + ".lora_B.weight", b);
            for (String spelling : bias.equals("both") ? List.of(".bias", ".base_layer.bias") : List.of(bias)) {
                raw.put("base_model.model." + module + spelling, c);
            }
        }
        SafetensorsWriter.write(dir.resolve("adapter_model.safetensors"), raw);

        PeftAdapter adapter = PeftAdapter.read(dir);

        assertThat(adapter.tensors()).isEqualTo(expected);
        assertThat(adapter.modules()).containsExactly(QUERY, VALUE);
        assertThat(adapter.rank(VALUE)).isEqualTo(1);
        assertThat(adapter.alpha(QUERY)).isEqualTo(8);
        assertThat(adapter.config().bias()).isEqualTo(BiasMode.LORA_ONLY);
        assertThat(adapter.config().unknownKeys()).isEmpty();
        JsonNode written =
                new ObjectMapper().readTree("[" + TARGETS.get(targets) + "]").get(0);
        if (written.isTextual()) {
            assertThat(QUERY).matches(written.asText());
        }
    }

    @Test
    void whatIsWrittenMeansTheSameModulesToBothVersions() throws IOException {
        List<String> linears = IntStream.range(0, 24)
                .boxed()
                .flatMap(layer -> Stream.of("query", "key", "value")
                        .map(name -> "bert.encoder.layer." + layer + ".attention.self." + name))
                .toList();
        // Layers 1 and 2 are what a suffix without "layer." takes 11, 12, 21 and 22 for.
        List<String> adapted = linears.stream()
                .filter(name -> name.contains("layer.1.") || name.contains("layer.2."))
                .sorted()
                .toList();
        LoraGroup group = new LoraGroup(
                "g",
                "",
                adapted.stream().map(path -> new LoraModule(path, 1, 2, 2, 2)).toList(),
                GroupSettings.PLAIN);
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(group),
                BiasMode.NONE,
                List.of(new TensorSpec("classifier.bias", List.of(2))),
                List.of());
        SortedMap<String, float[]> values = new TreeMap<>();
        manifest.names()
                .forEach(name -> manifest.tensors(name).forEach(t -> values.put(t.name(), new float[t.size()])));
        byte[] config = PeftAdapterWriter.files(
                        manifest,
                        Set.of("g"),
                        new AdapterSnapshot(values),
                        new AdapterDetails("bert", "SEQ_CLS", 0, List.of("classifier"), Optional.empty()))
                .getOrDefault("adapter_config.json", new byte[0]);
        List<String> targets = new ArrayList<>();
        new ObjectMapper().readTree(config).get("target_modules").forEach(name -> targets.add(name.asText()));

        BiPredicate<String, String> peft030 = String::endsWith;
        BiPredicate<String, String> current = (name, target) -> name.equals(target) || name.endsWith("." + target);
        for (BiPredicate<String, String> matches : List.of(peft030, current)) {
            assertThat(linears.stream()
                            .filter(name -> targets.stream().anyMatch(target -> matches.test(name, target)))
                            .sorted())
                    .containsExactlyElementsOf(adapted);
        }
    }
}
