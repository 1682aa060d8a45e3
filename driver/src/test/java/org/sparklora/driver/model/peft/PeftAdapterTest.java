package org.sparklora.driver.model.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.lora.Dora;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

class PeftAdapterTest {

    private static final String QUERY = "bert.encoder.layer.0.attention.self.query";
    private static final String MINIMAL =
            "{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":2,\"target_modules\":[\"query\"]}";

    @TempDir
    Path dir;

    /** All but those of PiSSA: they are on other base weights, and the converted one is of no stored moment. */
    static List<Path> adapters() throws IOException {
        return Golden.named("adapter_config.json").stream()
                .map(Path::getParent)
                .filter(adapter -> !adapter.startsWith(Golden.dir("adalora")))
                .filter(adapter -> Files.notExists(adapter.resolveSibling("pissa.safetensors")))
                .toList();
    }

    /** Its ranks are those of an end; a job cannot start from it. */
    @Test
    void refusesAnAdaptiveAdapter() {
        assertThatThrownBy(() -> PeftAdapter.read(Golden.dir("adalora/final-adapter")))
                .isInstanceOf(PeftException.class)
                .hasMessageContaining("peft_type is 'ADALORA'")
                .hasMessageEndingWith("[adapter.unsupported]");
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void readsWhatPeftTrained(Path adapterDir) throws IOException {
        PeftAdapter adapter = PeftAdapter.read(adapterDir);

        String moment = adapterDir.getFileName().toString().replace("-adapter", ".safetensors");
        SortedMap<String, Tensor> expected = new TreeMap<>();
        Golden.tensors(adapterDir.resolveSibling(moment))
                .forEach((key, tensor) -> expected.put(key.substring(PeftKeys.PREFIX.length()), tensor));
        assertThat(adapter.tensors()).isEqualTo(expected);
        assertThat(adapter.tensors()).containsKeys("classifier.weight", "classifier.bias");
        assertThat(adapter.snapshot().names()).isEqualTo(expected.keySet());
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void rankAndAlphaAreThoseThatPeftUsed(Path adapterDir) throws IOException {
        PeftAdapter adapter = PeftAdapter.read(adapterDir);

        JsonNode run = new ObjectMapper()
                .readTree(adapterDir.resolveSibling("case.json").toFile());
        List<String> modules = new ArrayList<>();
        for (JsonNode matched : run.get("matched_modules")) {
            String module = matched.get("module").asText();
            modules.add(module);
            assertThat(adapter.rank(module)).isEqualTo(matched.get("r").asInt());
            assertThat(adapter.alpha(module))
                    .isEqualTo(matched.get("lora_alpha").asDouble());
        }
        assertThat(adapter.modules()).containsExactlyInAnyOrderElementsOf(modules);
    }

    @Test
    void readsTheConfig() {
        PeftConfig literal = PeftAdapter.read(Golden.dir("seed-literal-peft030/final-adapter"))
                .config();
        assertThat(literal.bias()).isEqualTo(BiasMode.NONE);

        PeftConfig rslora = PeftAdapter.read(Golden.dir("rslora/init-adapter")).config();
        assertThat(rslora.ranks().rankStabilized()).isTrue();
        assertThat(PeftAdapter.read(Golden.dir("bias-all/init-adapter"))
                        .config()
                        .bias())
                .isEqualTo(BiasMode.ALL);
    }

    @Test
    void readsThePickleWhereThereIsNoSafetensors() throws IOException {
        List<Path> pickles = Golden.named("adapter_model.bin");
        for (int i = 0; i < pickles.size(); i++) {
            Path bin = pickles.get(i);
            Path copy = Files.createDirectories(dir.resolve("copy" + i));
            Files.copy(bin, copy.resolve("adapter_model.bin"));
            Files.copy(bin.resolveSibling("adapter_config.json"), copy.resolve("adapter_config.json"));

            assertThat(PeftAdapter.read(copy).tensors())
                    .isEqualTo(PeftAdapter.read(bin.resolveSibling("")).tensors());
        }
    }

    @Test
    void acceptsEverySpelling() throws IOException {
        SortedMap<String, Tensor> raw = new TreeMap<>();
        raw.put("base_model.model." + QUERY + ".lora_A.default.weight", tensor(1, 2));
        raw.put("base_model.model." + QUERY + ".lora_B.default.weight", tensor(2, 1));
        raw.put("base_model.model." + QUERY + ".bias", tensor(2));
        raw.put("base_model.model." + QUERY + ".base_layer.bias", tensor(2));
        raw.put("base_model.model.classifier.modules_to_save.weight", tensor(2, 2));
        raw.put("base_model.model.classifier.weight", tensor(2, 2));
        raw.put("base_model.model.classifier.modules_to_save.default.bias", tensor(2));
        raw.put("base_model.model.classifier.original_module.bias", new Tensor(List.of(2), new float[] {9, 9}));
        write(MINIMAL, raw);

        assertThat(PeftAdapter.read(dir).tensors())
                .containsOnlyKeys(
                        QUERY + ".lora_A.weight",
                        QUERY + ".lora_B.weight",
                        QUERY + ".bias",
                        "classifier.weight",
                        "classifier.bias")
                .containsEntry("classifier.bias", tensor(2));
    }

    @Test
    void refusesTwoSpellingsWithDifferentValues() throws IOException {
        SortedMap<String, Tensor> raw = new TreeMap<>();
        raw.put("base_model.model.q.bias", tensor(2));
        raw.put("base_model.model.q.base_layer.bias", new Tensor(List.of(2), new float[] {9, 9}));
        write(MINIMAL, raw);

        refused("adapter.tensor", "'base_model.model.q.base_layer.bias'", "'base_model.model.q.bias'");
    }

    @Test
    void refusesTensorsOfOtherAdapters() throws IOException {
        write(MINIMAL, new TreeMap<>(Map.of("bert.weight", tensor(1))));
        refused("adapter.tensor", "'bert.weight'", "'base_model.model.'");

        write(MINIMAL, new TreeMap<>(Map.of("base_model.model.q.lora_B.bias", tensor(1))));
        refused("adapter.unsupported", "'base_model.model.q.lora_B.bias'");
    }

    @Test
    void refusesIncompleteOrForeignModules() throws IOException {
        SortedMap<String, Tensor> raw = new TreeMap<>();
        raw.put("base_model.model.q.lora_A.weight", tensor(1, 2));
        write(MINIMAL, raw);
        refused("adapter.tensor", "'q.lora_A.weight'", "'q.lora_B.weight'");

        raw.put("base_model.model.q.lora_B.weight", tensor(2, 3));
        write(MINIMAL, raw);
        refused("adapter.tensor", "'q'", "[1, 2]", "[2, 3]");

        raw.put("base_model.model.q.lora_A.weight", tensor(3, 2));
        write(MINIMAL, raw);
        refused("adapter.rank", "'q'", "rank 3", "r 1");

        raw.remove("base_model.model.q.lora_A.weight");
        write(MINIMAL, raw);
        refused("adapter.tensor", "'q.lora_B.weight'", "'q.lora_A.weight'");
    }

    /** A file, a raw state_dict of PEFT since 0.11, and one of PEFT before. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "lora_magnitude_vector",
                "lora_magnitude_vector.weight",
                "lora_magnitude_vector.default.weight",
                "lora_magnitude_vector.default"
            })
    void everySpellingOfAMagnitudeIsTheSame(String spelling) throws IOException {
        SortedMap<String, Tensor> raw = new TreeMap<>();
        raw.put("base_model.model.q.lora_A.weight", new Tensor(List.of(1, 2), new float[] {1, 2}));
        raw.put("base_model.model.q.lora_B.weight", new Tensor(List.of(2, 1), new float[] {3, 4}));
        raw.put("base_model.model.q." + spelling, new Tensor(List.of(2), new float[] {5, 6}));
        write("{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1,\"use_dora\":true}", raw);
        PeftAdapter adapter = PeftAdapter.read(dir);
        assertThat(adapter.config().variant()).isEqualTo(Dora.INSTANCE);
        assertThat(adapter.modules()).containsExactly("q");
        assertThat(adapter.snapshot().values("q.lora_magnitude_vector")).containsExactly(5, 6);

        write("{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1}", raw);
        refused("adapter.tensor", "'q.lora_magnitude_vector'", "variant", "adapter_config.json");
        raw.remove("base_model.model.q." + spelling);
        write("{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1,\"use_dora\":true}", raw);
        refused("adapter.tensor", "'q.lora_A.weight'", "'q.lora_magnitude_vector'");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'peft_type':'IA3'} | adapter.unsupported | 'IA3'",
                "{} | adapter.unsupported | peft_type",
                "[] | adapter.config | JSON",
                "{'peft_type':'LORA','r':1,'lora_alpha':1,'lora_bias':true} | adapter.unsupported | lora_bias; lora_B",
                "{'peft_type':'LORA','r':1,'lora_alpha':1,'fan_in_fan_out':true} | adapter.unsupported |"
                        + " fan_in_fan_out",
                "{'peft_type':'LORA','r':0,'bias':'some'} | adapter.config | r is 0; lora_alpha; bias is 'some'",
                "{'peft_type':'LORA','r':1,'lora_alpha':1,'init_lora_weights':'pissa'} | adapter.unsupported |"
                        + " \"pissa\"",
                "{'peft_type':'LORA','r':1,'lora_alpha':1,'rank_pattern':{'(':2,'q':'x'}} | adapter.config | '(';"
                        + " ['q']; \"x\"",
                "{'peft_type':'LORA','r':1,'lora_alpha':'a','layers_to_transform':['x']} | adapter.config | \"x\";"
                        + " lora_alpha is \"a\"",
                "{'peft_type':'LORA','lora_bias':true,'r':0,'lora_alpha':1} | adapter.config | lora_bias; r is 0",
            },
            quoteCharacter = '~')
    void refusesAConfigThatCannotBeUsed(String json, String code, String facts) throws IOException {
        write(json.replace('\'', '"'), new TreeMap<>());

        assertThatThrownBy(() -> PeftAdapter.read(dir))
                .isInstanceOf(PeftException.class)
                .hasMessageStartingWith(dir.resolve("adapter_config.json") + ": ")
                .hasMessageContainingAll(facts.split("; "))
                .hasMessageEndingWith("[" + code + "]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "fan_in_fan_out|true",
                "lora_bias|true",
                "use_qalora|true",
                "use_bdlora|{'nblocks':2}",
                "kasa_config|{'beta':1}",
                "monteclora_config|{'num_samples':8}",
                "arrow_config|{'top_k':3}",
                "alora_invocation_tokens|[7]",
                "layer_replication|[[0,2]]",
                "target_parameters|['weight']",
                "trainable_token_indices|[3]",
                "megatron_config|{'a':1}",
                "enable_lora|[true]",
                "init_lora_weights|'loftq'",
                "init_lora_weights|'corda'",
                "init_lora_weights|'lora_ga'",
                "init_lora_weights|'pissa_niter_16'",
            },
            quoteCharacter = '~')
    void aKeyThatChangesTheComputationIsRefusedByName(String key, String value) throws IOException {
        String json = "{'peft_type':'LORA','r':1,'lora_alpha':1,'" + key + "':" + value + "}";
        write(json.replace('\'', '"'));
        assertThatThrownBy(() -> PeftAdapter.read(dir))
                .hasMessageContainingAll(key + " is " + value.replace('\'', '"'), "[adapter.unsupported]");
    }

    @Test
    void keysThatNoPeftWritesAreListed() throws IOException {
        write(
                "{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1,\"lora_strength\":2,\"cordaconfig\":{},"
                        + "\"eva_config\":{\"rho\":2.0},\"loftq_config\":{\"a\":1},\"velora_config\":{\"b\":1},\"init_lora_weights\":\"eva\"}");
        assertThat(PeftAdapter.read(dir).config().unknownKeys()).containsExactly("cordaconfig", "lora_strength");
    }

    @Test
    void readsAPatternString() throws IOException {
        write(
                "{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1.5,\"target_modules\":\".*query\",\"layers_to_transform\":3}");

        assertThat(PeftAdapter.read(dir).config().ranks().loraAlpha()).isEqualTo(1.5);
    }

    @Test
    void theFirstMatchingPatternCounts() throws IOException {
        write("{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1,"
                + "\"rank_pattern\":{\"1.query\":2,\".*query\":3},\"alpha_pattern\":{\"^a.*\":4}}");

        PeftConfig.Ranks ranks = PeftAdapter.read(dir).config().ranks();

        assertThat(ranks.rank("layer.1.query")).isEqualTo(2);
        assertThat(ranks.rank("layer.11.query")).isEqualTo(3);
        assertThat(ranks.rank("layer.1.query.dense")).isEqualTo(1);
        assertThat(ranks.alpha("a.b")).isEqualTo(4);
        assertThat(ranks.alpha("b.a")).isEqualTo(1);
    }

    @Test
    void saysWhichFileIsMissing() throws IOException {
        assertThatThrownBy(() -> PeftAdapter.read(dir))
                .hasMessageContainingAll(dir.toString(), "adapter_config.json", "[adapter.missing]");

        Files.writeString(dir.resolve("adapter_config.json"), MINIMAL);
        assertThatThrownBy(() -> PeftAdapter.read(dir))
                .hasMessageContainingAll(
                        dir.toString(), "adapter_model.safetensors", "adapter_model.bin", "[adapter.missing]");

        Files.writeString(dir.resolve("adapter_config.json"), "{\"peft_type\"");
        assertThatThrownBy(() -> PeftAdapter.read(dir))
                .isInstanceOf(PeftException.class)
                .hasMessageContainingAll(dir.resolve("adapter_config.json").toString(), "[adapter.config]");
    }

    private void refused(String code, String... facts) {
        assertThatThrownBy(() -> PeftAdapter.read(dir))
                .isInstanceOf(PeftException.class)
                .hasMessageStartingWith(dir.resolve("adapter_model.safetensors") + ": ")
                .hasMessageContainingAll(facts)
                .hasMessageEndingWith("[" + code + "]");
    }

    private void write(String config) throws IOException {
        write(config, new TreeMap<>());
    }

    private void write(String config, SortedMap<String, Tensor> tensors) throws IOException {
        Files.writeString(dir.resolve("adapter_config.json"), config);
        SafetensorsWriter.write(dir.resolve("adapter_model.safetensors"), tensors);
    }

    private static Tensor tensor(int... shape) {
        List<Integer> dims = new ArrayList<>();
        int size = 1;
        for (int d : shape) {
            dims.add(d);
            size *= d;
        }
        return new Tensor(dims, new float[size]);
    }
}
