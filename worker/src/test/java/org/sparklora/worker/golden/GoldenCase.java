package org.sparklora.worker.golden;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** One folder under golden/cases: a stored run of PyTorch, transformers and PEFT. */
final class GoldenCase {

    private static final String PREFIX = "base_model.model.";

    private final Path root;
    private final Path directory;
    private final JsonObject json;

    private GoldenCase(Path root, Path directory) throws IOException {
        this.root = root;
        this.directory = directory;
        this.json = JsonParser.parseString(Files.readString(directory.resolve("case.json")))
                .getAsJsonObject();
    }

    /** The folder to replay: -Dgolden.dir=DIR, or the bundled one. */
    static Path root() {
        String given = System.getProperty("golden.dir", "");
        Path project = Path.of(System.getProperty("project.root", ".."));
        // A relative folder is meant from where Maven was started, not from the module's folder that tests run in.
        return given.isEmpty() ? project.resolve("worker/src/test/resources/golden") : project.resolve(given);
    }

    static List<GoldenCase> all(String kind) throws IOException {
        Path root = root();
        List<GoldenCase> cases = new ArrayList<>();
        try (Stream<Path> folders = Files.list(root.resolve("cases"))) {
            for (Path folder : folders.sorted().toList()) {
                GoldenCase found = new GoldenCase(root, folder);
                if (found.json.get("kind").getAsString().equals(kind)) {
                    cases.add(found);
                }
            }
        }
        return cases;
    }

    String name() {
        return directory.getFileName().toString();
    }

    Path model() {
        return root.resolve("models").resolve(json.get("base_model").getAsString());
    }

    JsonObject object(String key) {
        return json.getAsJsonObject(key);
    }

    JsonArray array(String key) {
        return json.getAsJsonArray(key);
    }

    int number(String key) {
        return json.get(key).getAsInt();
    }

    /** hyper.KEY as a number, where it is not null. */
    OptionalDouble hyper(String key) {
        JsonElement value = object("hyper").get(key);
        return value == null || value.isJsonNull() ? OptionalDouble.empty() : OptionalDouble.of(value.getAsDouble());
    }

    /** The case's own limit; forward-legacy-keys has none stored, so its pooled output takes the README's. */
    double tolerance(String key) {
        return json.has("tolerance") ? object("tolerance").get(key).getAsDouble() : 5e-5;
    }

    /** Tensors of a file of this case by our names (PEFT's without the prefix); empty if there is no such file. */
    Optional<Map<String, float[]>> tensors(String file) throws IOException {
        Path path = directory.resolve(file);
        if (!Files.exists(path)) {
            return Optional.empty();
        }
        Map<String, float[]> tensors = new TreeMap<>();
        try (SafetensorsFile in = SafetensorsFile.open(path)) {
            for (String name : in.names()) {
                tensors.put(name.replace(PREFIX, ""), in.floats(name));
            }
        }
        return Optional.of(tensors);
    }

    static String ourName(String peftKey) {
        return peftKey.replace(PREFIX, "");
    }

    /** The rows of a stored batch, without their padding. */
    static List<Example> examples(JsonObject batch) {
        List<Example> examples = new ArrayList<>();
        for (int row = 0; row < batch.getAsJsonArray("input_ids").size(); row++) {
            int[] mask = ints(batch, "attention_mask", row);
            int length = Arrays.stream(mask).sum();
            int[] types = Arrays.copyOf(ints(batch, "token_type_ids", row), length);
            int second = (int) Arrays.stream(types).takeWhile(t -> t == 0).count();
            float label = batch.getAsJsonArray("labels").get(row).getAsFloat();
            examples.add(new Example(Arrays.copyOf(ints(batch, "input_ids", row), length), second, label, 1f, row));
        }
        return examples;
    }

    private static int[] ints(JsonObject batch, String key, int row) {
        JsonArray values = batch.getAsJsonArray(key).get(row).getAsJsonArray();
        int[] ints = new int[values.size()];
        Arrays.setAll(ints, i -> values.get(i).getAsInt());
        return ints;
    }

    static float[] floats(JsonArray rows) {
        List<Float> values = new ArrayList<>();
        for (JsonElement row : rows) {
            for (JsonElement value : row.getAsJsonArray()) {
                values.add(value.getAsFloat());
            }
        }
        float[] flat = new float[values.size()];
        for (int i = 0; i < flat.length; i++) {
            flat[i] = values.get(i);
        }
        return flat;
    }

    @Override
    public String toString() {
        return name();
    }
}
