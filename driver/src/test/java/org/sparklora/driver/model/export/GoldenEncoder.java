package org.sparklora.driver.model.export;

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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderWeights;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.head.TokenClassificationHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** A stored run of an encoder as if this program had done it: its last adapter with a manifest. */
record GoldenEncoder(Path directory, JsonNode json) {

    private static final Path GOLDEN =
            Path.of(System.getProperty("project.root", "..")).resolve("worker/src/test/resources/golden-encoders");

    /** Every folder, by name. */
    static List<GoldenEncoder> all() throws IOException {
        try (Stream<Path> folders = Files.list(GOLDEN)) {
            return folders.filter(folder -> Files.exists(folder.resolve("case.json")))
                    .sorted()
                    .map(GoldenEncoder::of)
                    .toList();
        }
    }

    private static GoldenEncoder of(Path directory) {
        try {
            return new GoldenEncoder(
                    directory,
                    new ObjectMapper().readTree(directory.resolve("case.json").toFile()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path caseFile() {
        return directory.resolve("case.json");
    }

    /** The base model. A pooler that trained is left out: a checkpoint of the pretrained model has none, and a new one trains. */
    private Path model() {
        Path model = directory.resolve("model");
        if (!json.get("modules_to_save").toString().contains("\"pooler\"")) {
            return model;
        }
        try (SafetensorsFile whole = SafetensorsFile.open(model.resolve("model.safetensors"))) {
            SortedMap<String, Tensor> kept = new TreeMap<>();
            whole.names().stream()
                    .filter(name -> !name.startsWith("pooler."))
                    .forEach(name -> kept.put(name, whole.tensor(name)));
            Path copy = Files.createTempDirectory("golden-encoder");
            copy.toFile().deleteOnExit();
            Path weights = copy.resolve("model.safetensors");
            weights.toFile().deleteOnExit();
            SafetensorsWriter.write(weights, kept);
            Path settings = Files.copy(model.resolve("config.json"), copy.resolve("config.json"));
            settings.toFile().deleteOnExit();
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean labelsTokens() {
        return EncoderConfig.read(model())
                .json()
                .at("/architectures/0")
                .asText()
                .endsWith("ForTokenClassification");
    }

    private HeadInput headInput() {
        return labelsTokens() ? HeadInput.EVERY_TOKEN : HeadInput.FIRST_TOKEN;
    }

    Encoder encoder() {
        try (EncoderWeights weights = EncoderWeights.open(model(), headInput())) {
            return weights.encoder();
        }
    }

    private int outputs() {
        JsonNode innermost = json.get("final_logits");
        while (innermost.get(0).isArray()) {
            innermost = innermost.get(0);
        }
        return innermost.size();
    }

    Outputs meaning() {
        List<String> labels =
                IntStream.range(0, outputs()).mapToObj(i -> "label " + i).toList();
        return new Outputs(labelsTokens() ? Task.TOKEN_CLASSIFICATION : Task.CLASSIFICATION, labels);
    }

    MergedWeights merged() {
        List<String> targets = StreamSupport.stream(json.get("target_modules").spliterator(), false)
                .map(JsonNode::asText)
                .toList();
        List<LoraModule> modules = new ArrayList<>();
        Encoder encoder = encoder();
        for (TensorSpec linear : encoder.linears()) {
            if (targets.stream().anyMatch(target -> linear.name().endsWith("." + target))) {
                modules.add(new LoraModule(
                        linear.name(),
                        json.get("r").asInt(),
                        json.get("lora_alpha").asDouble(),
                        linear.shape().get(1),
                        linear.shape().get(0)));
            }
        }
        AdapterSnapshot adapter = adapter();
        List<TensorSpec> head = new ArrayList<>(encoder.head().tensors(outputs()));
        encoder.weights().stream()
                .filter(weight -> adapter.contains(weight.name()))
                .forEach(head::add);
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(new LoraGroup("all", "everything", modules, new GroupSettings(0, false, 1, 0))),
                BiasMode.NONE,
                head,
                List.of());
        ManifestFile file = new ManifestFile(
                manifest,
                FreezeState.of(Map.of("all", GroupState.FROZEN)),
                new TreeMap<>(),
                "",
                meaning().labels());
        return MergedWeights.open(model(), headInput(), file, adapter);
    }

    private AdapterSnapshot adapter() {
        Map<String, float[]> values = new TreeMap<>();
        try (SafetensorsFile in = SafetensorsFile.open(directory.resolve("final.safetensors"))) {
            in.names()
                    .forEach(name -> values.put(
                            name.replace("base_model.model.", "").replace("modules_to_save.", ""), in.floats(name)));
        }
        return new AdapterSnapshot(values);
    }

    /** Logits of the stored batch by a model directory. */
    float[] logitsOf(Path merged) {
        TaskHead head = labelsTokens() ? new TokenClassificationHead(outputs()) : new ClassificationHead(outputs());
        long[][] ids = batch("input_ids");
        long[][] types = json.at("/forward_batch/token_type_ids").isMissingNode()
                ? new long[ids.length][ids[0].length]
                : batch("token_type_ids");
        return GoldenRun.logits(merged, head, ids, types, batch("attention_mask"));
    }

    /** A matrix of the stored batch. */
    long[][] batch(String key) {
        return GoldenRun.rows(json.get("forward_batch").get(key));
    }

    float[] finalLogits() {
        return floats(json.get("final_logits"));
    }

    /** All numbers of nested arrays, in order. */
    static float[] floats(JsonNode node) {
        List<JsonNode> leaves = new ArrayList<>();
        collect(node, leaves);
        float[] flat = new float[leaves.size()];
        IntStream.range(0, flat.length).forEach(i -> flat[i] = leaves.get(i).floatValue());
        return flat;
    }

    private static void collect(JsonNode node, List<JsonNode> leaves) {
        if (node.isArray()) {
            node.forEach(inner -> collect(inner, leaves));
        } else {
            leaves.add(node);
        }
    }

    /** Logits, with 0 for those of padding: a token that sees no other has no value that all kernels of PyTorch agree on. */
    float[] ofTokens(float[] logits) {
        float[] kept = logits.clone();
        long[][] mask = batch("attention_mask");
        for (int i = 0; labelsTokens() && i < kept.length; i++) {
            int token = i / outputs();
            kept[i] *= mask[token / mask[0].length][token % mask[0].length];
        }
        return kept;
    }

    float tolerance() {
        return (float) json.at("/tolerance/logits_abs").asDouble();
    }

    @Override
    public String toString() {
        return directory.getFileName().toString();
    }
}
