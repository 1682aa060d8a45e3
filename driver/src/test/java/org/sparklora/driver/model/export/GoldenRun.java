package org.sparklora.driver.model.export;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.driver.model.peft.PeftConfig;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.AdaLora;
import org.sparklora.worker.lora.LoraVariants;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.train.AdaptedModel;

/** A stored run of PEFT as if this program had done it: its last adapter with a manifest. */
record GoldenRun(Path model, PeftAdapter adapter, JsonNode json) {

    private static final Path GOLDEN =
            Path.of(System.getProperty("project.root", "..")).resolve("worker/src/test/resources/golden");

    static GoldenRun of(String name) {
        Path directory = GOLDEN.resolve("cases").resolve(name);
        Path converted = directory.resolve("final-adapter-converted");
        try {
            JsonNode json =
                    new ObjectMapper().readTree(directory.resolve("case.json").toFile());
            return new GoldenRun(
                    GOLDEN.resolve("models").resolve(json.get("base_model").asText()),
                    adapter(Files.exists(converted) ? converted : directory.resolve("final-adapter"), json),
                    json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A job cannot start from an adapter of AdaLoRA, so it is put together here. */
    private static PeftAdapter adapter(Path directory, JsonNode json) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Map<String, Object> config = mapper.convertValue(
                mapper.readTree(directory.resolve("adapter_config.json").toFile()), new TypeReference<>() {});
        if (!"ADALORA".equals(config.get("peft_type"))) {
            return PeftAdapter.read(directory);
        }
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("adapter_model.safetensors"))) {
            file.names().forEach(name -> tensors.put(name.replace("base_model.model.", ""), file.tensor(name)));
        }
        double alpha = json.at("/hyper/lora_alpha").asDouble();
        return new PeftAdapter(
                new PeftConfig(
                        LoraVariants.of(config),
                        new PeftConfig.Ranks(1, alpha, PatternMap.of(Map.of()), PatternMap.of(Map.of()), false),
                        BiasMode.NONE,
                        new TreeSet<>()),
                tensors);
    }

    /** Every case that trained. */
    static List<String> names() throws IOException {
        try (Stream<Path> cases = Files.list(GOLDEN.resolve("cases"))) {
            return cases.filter(c -> Files.isDirectory(c.resolve("final-adapter")))
                    .map(c -> c.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    Path file(String name) {
        return GOLDEN.resolve("cases").resolve(json.get("name").asText()).resolve(name);
    }

    int outputs() {
        return adapter.snapshot().view("classifier.bias").length;
    }

    Outputs meaning() {
        return outputs() == 1
                ? new Outputs(Task.REGRESSION, List.of())
                : new Outputs(
                        Task.CLASSIFICATION, List.of("bad", "good", "größte").subList(0, outputs()));
    }

    AdapterSnapshot values() {
        return adapter.snapshot();
    }

    ManifestFile manifest() {
        List<LoraModule> modules = new ArrayList<>();
        String weight = adapter.config().variant() instanceof AdaLora ? "" : ".weight";
        for (String path : adapter.modules()) {
            modules.add(new LoraModule(
                    path,
                    adapter.rank(path),
                    adapter.alpha(path),
                    shape(path + ".lora_A" + weight).get(1),
                    shape(path + ".lora_B" + weight).get(0)));
        }
        GroupSettings settings = new GroupSettings(0, adapter.config().ranks().rankStabilized(), 1, 0);
        BiasMode bias = adapter.config().bias();
        List<TensorSpec> biases = bias != BiasMode.ALL
                ? List.of()
                : adapter.tensors().keySet().stream()
                        .filter(name -> name.startsWith("bert.") && name.endsWith(".bias"))
                        .map(name -> new TensorSpec(name, shape(name)))
                        .toList();
        LoraManifest manifest = new LoraManifest(
                adapter.config().variant(),
                List.of(new LoraGroup("all", "everything", modules, settings)),
                bias,
                Stream.of("classifier.bias", "classifier.weight")
                        .map(name -> new TensorSpec(name, shape(name)))
                        .toList(),
                biases);
        return new ManifestFile(
                manifest,
                FreezeState.of(Map.of("all", GroupState.FROZEN)),
                new TreeMap<>(),
                "",
                meaning().labels());
    }

    private List<Integer> shape(String tensor) {
        SortedMap<String, ?> all = adapter.tensors();
        if (!all.containsKey(tensor)) {
            throw new IllegalArgumentException(tensor);
        }
        return java.util.Objects.requireNonNull(adapter.tensors().get(tensor)).shape();
    }

    MergedWeights merged() {
        return MergedWeights.open(model, HeadInput.FIRST_TOKEN, manifest(), values());
    }

    TaskHead head() {
        return outputs() == 1 ? new RegressionHead() : new ClassificationHead(outputs());
    }

    /** Logits of a padded batch by this run's own way: base and adapter side by side. */
    float[] logits(long[][] ids, long[][] types, long[][] mask) {
        FreezePlan groups = new FreezePlan(manifest().manifest(), manifest().state(), tensor -> 0);
        return logits(BaseModel.shared(model), head(), groups, values(), List.of(ids, types, mask));
    }

    /** Logits of a model directory by itself. */
    static float[] logits(Path directory, TaskHead head, long[][] ids, long[][] types, long[][] mask) {
        FreezePlan none = new FreezePlan(
                new LoraManifest(PlainLora.INSTANCE, List.of(), BiasMode.NONE, List.of(), List.of()),
                FreezeState.of(Map.of()),
                tensor -> 0);
        try (BaseModel base = BaseModel.open(directory, head.headInput(), Arithmetic.DEFAULT)) {
            return logits(base, head, none, AdapterSnapshot.EMPTY, List.of(ids, types, mask));
        }
    }

    private static float[] logits(
            BaseModel base, TaskHead head, FreezePlan groups, AdapterSnapshot values, List<long[][]> batch) {
        Torch.prepareThread();
        long[] mask = flat(batch.get(2));
        float[] attention = new float[mask.length];
        IntStream.range(0, mask.length).forEach(i -> attention[i] = mask[i]);
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = new AdaptedModel(manager, base, head, groups, values, false);
            Tokens tokens = Tokens.of(manager, batch.get(0).length, flat(batch.get(0)), flat(batch.get(1)), attention);
            return model.logits(tokens).toFloatArray();
        }
    }

    private static long[] flat(long[][] rows) {
        return Stream.of(rows).flatMapToLong(java.util.Arrays::stream).toArray();
    }

    /** input_ids, token_type_ids and attention_mask of the batch that the case ends with. */
    long[][] evaluation(String key) {
        return rows(json.at("/final/eval_batch/" + key));
    }

    static long[][] rows(JsonNode node) {
        long[][] rows = new long[node.size()][];
        for (int r = 0; r < rows.length; r++) {
            JsonNode row = node.get(r);
            rows[r] = new long[row.size()];
            for (int i = 0; i < row.size(); i++) {
                rows[r][i] = row.get(i).asLong();
            }
        }
        return rows;
    }

    float[] expected(String key) {
        List<Float> values = new ArrayList<>();
        json.at("/final/" + key).forEach(row -> row.forEach(v -> values.add(v.floatValue())));
        float[] flat = new float[values.size()];
        IntStream.range(0, flat.length).forEach(i -> flat[i] = values.get(i));
        return flat;
    }

    double tolerance() {
        return json.at("/tolerance/merged_logits_abs").asDouble();
    }
}
