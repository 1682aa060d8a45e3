package org.sparklora.driver.model.peft;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;

/** What AdaLoRA saves, beside what PEFT saved of the same state. */
class AdaLoraAdapterTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final AdapterDetails DETAILS =
            new AdapterDetails("tiny-bert-12l", "SEQ_CLS", 0, List.of("classifier"), Optional.empty());

    @TempDir
    private Path dir;

    private static LoraManifest manifest(JsonNode run, Map<String, Object> settings) {
        List<LoraModule> modules = new ArrayList<>();
        run.get("matched_modules")
                .forEach(m -> modules.add(new LoraModule(
                        m.get("module").asText(),
                        m.get("r").asInt(),
                        m.get("lora_alpha").asDouble(),
                        m.get("in_features").asInt(),
                        m.get("out_features").asInt())));
        List<TensorSpec> head = List.of(
                new TensorSpec("classifier.bias", List.of(2)), new TensorSpec("classifier.weight", List.of(2, 32)));
        LoraGroup group = new LoraGroup("all", "", modules, GroupSettings.PLAIN);
        return new LoraManifest(LoraVariants.of(settings).during(10), List.of(group), BiasMode.NONE, head, List.of());
    }

    @Test
    void filesAreThoseOfPeft() throws IOException {
        JsonNode run = JSON.readTree(Golden.dir("adalora/case.json").toFile());
        Map<String, Object> settings = JSON.convertValue(run.get("hyper"), new TypeReference<>() {});
        LoraManifest whole = manifest(run, settings);
        SortedMap<String, float[]> values = new TreeMap<>();
        Golden.tensors(Golden.dir("adalora/final.safetensors"))
                .forEach((key, tensor) -> values.put(key.substring(PeftKeys.PREFIX.length()), tensor.values()));

        LoraVariant.Saved saved = LoraVariant.of(whole).saved(whole, new AdapterSnapshot(values));
        SortedMap<String, byte[]> files =
                PeftAdapterWriter.files(saved.manifest(), Set.of("all"), saved.values(), DETAILS);

        Path file = dir.resolve("ours.safetensors");
        Files.write(file, files.get("adapter_model.safetensors"));
        assertThat(Golden.tensors(file))
                .isEqualTo(Golden.tensors(Golden.dir("adalora/final-adapter/adapter_model.safetensors")));
        JsonNode ours = JSON.readTree(files.get("adapter_config.json"));
        JsonNode theirs = JSON.readTree(
                Golden.dir("adalora/final-adapter/adapter_config.json").toFile());
        for (String key : List.of(
                "peft_type",
                "r",
                "lora_alpha",
                "rank_pattern",
                "init_r",
                "target_r",
                "tinit",
                "tfinal",
                "deltaT",
                "beta1",
                "beta2",
                "orth_reg_weight",
                "total_step",
                "init_lora_weights",
                "bias")) {
            assertThat(ours.get(key)).as(key).isEqualTo(theirs.get(key));
        }
    }

    @Test
    void aModuleThatKeepsNothingIsSavedWithOneTriplet() {
        LoraModule module = new LoraModule("q", 3, 6, 4, 4);
        LoraManifest whole = new LoraManifest(
                LoraVariants.of(Map.of("peft_type", "ADALORA", "init_r", 3, "target_r", 1))
                        .during(5),
                List.of(new LoraGroup("all", "", List.of(module), GroupSettings.PLAIN)),
                BiasMode.NONE,
                List.of(),
                List.of());
        AdapterSnapshot values = new AdapterSnapshot(Map.of(
                "q.lora_A", new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                "q.lora_B", new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                "q.lora_E", new float[3]));
        LoraVariant.Saved saved = LoraVariant.of(whole).saved(whole, values);
        assertThat(saved.values().values("q.lora_A")).containsExactly(1, 2, 3, 4);
        assertThat(saved.values().values("q.lora_B")).containsExactly(1, 4, 7, 10);
        assertThat(saved.values().values("q.lora_E")).containsExactly(0);
        assertThat(saved.manifest().groups().get(0).modules().get(0).loraRank()).isEqualTo(1);
        assertThat(LoraVariant.of(saved.manifest()).settings().get("rank_pattern"))
                .isEqualTo(Map.of("q.lora_E", List.of(true, false, false)));
    }
}
