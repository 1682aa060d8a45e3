package org.sparklora.worker.golden;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.MultiLabelHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.head.TokenClassificationHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

/** One folder under golden-encoders: a stored run of PyTorch, transformers and PEFT. */
public final class EncoderCase {

    private static final String PREFIX = "base_model.model.";

    private final Path directory;
    private final JsonObject json;
    private final JsonObject config;

    private EncoderCase(Path directory) throws IOException {
        this.directory = directory;
        this.json = object(directory.resolve("case.json"));
        this.config = object(directory.resolve("model/config.json"));
    }

    private static JsonObject object(Path file) throws IOException {
        return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }

    /** The folder to replay: -Dgolden.encoders.dir=DIR, or the bundled one. */
    static Path root() {
        String given = System.getProperty("golden.encoders.dir", "");
        Path project = Path.of(System.getProperty("project.root", ".."));
        return given.isEmpty() ? project.resolve("worker/src/test/resources/golden-encoders") : project.resolve(given);
    }

    /** Every case, by name. */
    public static List<EncoderCase> all() throws IOException {
        List<EncoderCase> cases = new ArrayList<>();
        try (Stream<Path> folders = Files.list(root())) {
            for (Path folder : folders.sorted().toList()) {
                if (Files.exists(folder.resolve("case.json"))) {
                    cases.add(new EncoderCase(folder));
                }
            }
        }
        return cases;
    }

    /** The base model for the case's head; the caller closes it. */
    public BaseModel open() {
        return open(Arithmetic.DEFAULT);
    }

    /** The same in another arithmetic. */
    BaseModel open(Arithmetic arithmetic) {
        return BaseModel.open(model(), head().headInput(), arithmetic);
    }

    /** The base model. A pooler that trained is left out: a checkpoint of the pretrained model has none, and a new one trains. */
    private Path model() {
        Path model = directory.resolve("model");
        if (!texts("modules_to_save").contains("pooler")) {
            return model;
        }
        try (SafetensorsFile whole = SafetensorsFile.open(model.resolve("model.safetensors"))) {
            SortedMap<String, Tensor> kept = new TreeMap<>();
            whole.names().stream()
                    .filter(name -> !name.startsWith("pooler."))
                    .forEach(name -> kept.put(name, whole.tensor(name)));
            Path copy = Files.createTempDirectory("encoder-case");
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

    /** By the class that transformers ran, as config.json names it, and the width of the stored logits. */
    public TaskHead head() {
        int outputs = outputs();
        if (config.getAsJsonArray("architectures").get(0).getAsString().endsWith("ForTokenClassification")) {
            return new TokenClassificationHead(outputs);
        }
        if (config.has("problem_type")
                && config.get("problem_type").getAsString().equals("multi_label_classification")) {
            return new MultiLabelHead(outputs);
        }
        return outputs == 1 ? new RegressionHead() : new ClassificationHead(outputs);
    }

    private int outputs() {
        JsonArray innermost = json.getAsJsonArray("final_logits");
        while (innermost.get(0).isJsonArray()) {
            innermost = innermost.get(0).getAsJsonArray();
        }
        return innermost.size();
    }

    /** The padding token. */
    public int padTokenId() {
        return config.has("pad_token_id") ? config.get("pad_token_id").getAsInt() : 0;
    }

    JsonObject object(String key) {
        return json.getAsJsonObject(key);
    }

    JsonArray array(String key) {
        return json.getAsJsonArray(key);
    }

    double number(String key) {
        return json.get(key).getAsDouble();
    }

    double tolerance(String key) {
        return object("tolerance").get(key).getAsDouble();
    }

    List<String> texts(String key) {
        return array(key).asList().stream().map(JsonElement::getAsString).toList();
    }

    boolean has(String file) {
        return Files.exists(directory.resolve(file));
    }

    /** Tensors of a file of this case by our names: PEFT's without the prefix. */
    Map<String, float[]> tensors(String file) {
        Map<String, float[]> tensors = new TreeMap<>();
        try (SafetensorsFile in = SafetensorsFile.open(directory.resolve(file))) {
            for (String name : in.names()) {
                tensors.put(name.replace(PREFIX, "").replace("modules_to_save.", ""), in.floats(name));
            }
        }
        return tensors;
    }

    /** What PEFT adapted, a group a layer. */
    public LoraManifest manifest(BaseModel base) {
        List<String> targets = texts("target_modules");
        Map<Integer, List<LoraModule>> byLayer = new TreeMap<>();
        for (TensorSpec linear : base.encoder().linears()) {
            String path = linear.name();
            if (targets.stream().anyMatch(t -> path.equals(t) || path.endsWith("." + t))) {
                byLayer.computeIfAbsent(base.encoder().layerIndex(path), i -> new ArrayList<>())
                        .add(new LoraModule(
                                path,
                                (int) number("r"),
                                number("lora_alpha"),
                                linear.shape().get(1),
                                linear.shape().get(0)));
            }
        }
        List<LoraGroup> groups = new ArrayList<>();
        byLayer.forEach((index, modules) -> groups.add(new LoraGroup(
                base.encoder().layerName(index).replace(' ', '.'), "one group a layer", modules, GroupSettings.PLAIN)));
        List<TensorSpec> head = new ArrayList<>(base.encoder().head().tensors(head().outputs()));
        base.encoder().weights().stream()
                .filter(weight -> texts("modules_to_save").stream()
                        .anyMatch(module -> weight.name().startsWith(module + ".")))
                .forEach(head::add);
        return new LoraManifest(PlainLora.INSTANCE, groups, BiasMode.NONE, head, List.of());
    }

    /** The rows of a step's batch, without their padding. */
    public List<Example> rows(int step) {
        return examples(array("batches").get(step).getAsJsonObject());
    }

    /** The rows of a stored batch, without their padding. */
    List<Example> examples(JsonObject batch) {
        List<Example> examples = new ArrayList<>();
        for (int row = 0; row < batch.getAsJsonArray("input_ids").size(); row++) {
            int[] mask = ints(batch, "attention_mask", row);
            int length = Arrays.stream(mask).sum();
            int[] ids = Arrays.copyOf(ints(batch, "input_ids", row), length);
            int second = length;
            if (batch.has("token_type_ids")) {
                int[] types = Arrays.copyOf(ints(batch, "token_type_ids", row), length);
                second = (int) Arrays.stream(types).takeWhile(t -> t == 0).count();
            }
            float[] labels = labels(batch, row, length);
            examples.add(new Example(ids, second, labels, 1f, row));
        }
        return examples;
    }

    private float[] labels(JsonObject batch, int row, int length) {
        float[] all = floats(batch.getAsJsonArray("labels").get(row));
        return head() instanceof TokenClassificationHead ? Arrays.copyOf(all, length) : all;
    }

    private static int[] ints(JsonObject batch, String key, int row) {
        float[] values = floats(batch.getAsJsonArray(key).get(row));
        int[] ints = new int[values.length];
        Arrays.setAll(ints, i -> (int) values[i]);
        return ints;
    }

    /** All numbers of a number, or of nested arrays, in order. */
    static float[] floats(JsonElement element) {
        List<Float> values = new ArrayList<>();
        collect(element, values);
        float[] flat = new float[values.size()];
        for (int i = 0; i < flat.length; i++) {
            flat[i] = values.get(i);
        }
        return flat;
    }

    private static void collect(JsonElement element, List<Float> values) {
        if (element.isJsonArray()) {
            element.getAsJsonArray().forEach(e -> collect(e, values));
        } else {
            values.add(element.getAsFloat());
        }
    }

    @Override
    public String toString() {
        return directory.getFileName().toString();
    }
}
