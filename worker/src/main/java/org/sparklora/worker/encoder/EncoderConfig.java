package org.sparklora.worker.encoder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.sparklora.worker.contract.ForeignFile;

/**
 * The {@code config.json} of an encoder. Reads keys by their Hugging Face names. A missing key has transformers' default; a
 * value of the wrong type is an error that names file and key. A key that changes the computation and is not implemented is
 * refused; a key that is not known at all is reported, see {@link #notes}.
 */
public final class EncoderConfig {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> HARMLESS = harmlessKeys();

    private final Path file;
    private final ObjectNode json;

    /** Keys that were asked for. */
    private final Set<String> used = new TreeSet<>();

    private EncoderConfig(Path file, ObjectNode json) {
        this.file = file;
        this.json = json;
    }

    /** Reads {@code config.json} of a model directory. */
    public static EncoderConfig read(Path modelDirectory) {
        Path file = modelDirectory.resolve("config.json");
        if (!Files.isDirectory(modelDirectory)) {
            throw new ModelException(
                    "model.directory",
                    "model.path " + modelDirectory
                            + " is not a directory; give a Hugging Face model directory with config.json,"
                            + " model.safetensors and vocab.txt or tokenizer.json");
        }
        return new EncoderConfig(file, object(file));
    }

    /** Reads a JSON file of a model directory. */
    static ObjectNode object(Path file) {
        try {
            byte[] bytes = Files.readAllBytes(file);
            ForeignFile.of(bytes).ifPresent(what -> {
                throw new ModelException("model.config", file + ": " + what);
            });
            if (JSON.readTree(bytes) instanceof ObjectNode object) {
                return object;
            }
            throw new ModelException("model.config", file + " holds no JSON object; copy the model directory again");
        } catch (NoSuchFileException e) {
            throw new ModelException(
                    "model.directory",
                    file.getParent() + " has no " + file.getFileName()
                            + "; a Hugging Face model directory has it beside the weights",
                    e);
        } catch (JsonProcessingException e) {
            throw new ModelException("model.config", file + " is not valid JSON; copy the model directory again", e);
        } catch (IOException e) {
            throw new ModelException(
                    "model.unreadable",
                    file + " cannot be read (" + e + "); check its permissions and that it is UTF-8",
                    e);
        }
    }

    /** A copy of the whole file. */
    public ObjectNode json() {
        return json.deepCopy();
    }

    /** {@code model_type}, or else the first of {@code architectures} in lower case. */
    public String modelType() {
        Optional<String> type = text("model_type");
        if (type.isPresent()) {
            return type.get();
        }
        JsonNode architecture = json.path("architectures").path(0);
        if (!architecture.isTextual()) {
            throw problem("there is no key 'model_type'; copy the model directory again");
        }
        return architecture.textValue().replaceFirst("(For|Model).*", "").toLowerCase(Locale.ROOT);
    }

    /** A whole number of at least 1, or transformers' default if the key is missing or null. */
    public int positive(String key, int defaultValue) {
        return whole(key, number(key, defaultValue), 1);
    }

    /** A whole number, at least 0, or a default if the key is missing or null. */
    public int notNegative(String key, int defaultValue) {
        return whole(key, number(key, defaultValue), 0);
    }

    private int whole(String key, double value, int min) {
        if (value < min || value != Math.rint(value) || value > Integer.MAX_VALUE) {
            String text = value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
            throw problem(key + " is " + text + ", but must be a whole number of at least " + min);
        }
        return (int) value;
    }

    /** A whole number of at least 1 that divides another one. */
    public int divisor(String key, int defaultValue, String ofKey, int of) {
        int value = positive(key, defaultValue);
        if (of % value != 0) {
            throw problem(ofKey + " " + of + " is not a multiple of " + key + " " + value);
        }
        return value;
    }

    /** A list or an object; otherwise a missing node. */
    public JsonNode node(String key) {
        used.add(key);
        return json.path(key);
    }

    /** Refuses a value of a key, or of its default, that would compute something else than {@code supported}. */
    public void require(String key, String supported) {
        String value = text(key).orElse(supported);
        if (!value.equals(supported)) {
            throw unsupported(key + " '" + value + "' is not supported; '" + supported + "' is");
        }
    }

    /** Refuses what changes the computation of every architecture and is not implemented. */
    void requireEncoder() {
        for (String key : List.of("is_decoder", "is_encoder_decoder")) {
            if (json.path(key).asBoolean()) {
                throw unsupported(
                        key + " is true: a decoder's tokens do not see what follows them, and spark-lora computes"
                                + " encoders only; use the encoder's own checkpoint");
            }
        }
        if (!json.path("pruned_heads").isEmpty()) {
            throw unsupported("pruned_heads " + json.path("pruned_heads")
                    + " is not supported: each layer must have all its attention heads; use the model without pruning");
        }
        JsonNode quantization = json.path("quantization_config");
        if (quantization.isObject()) {
            throw unsupported("quantization_config with quant_method '"
                    + quantization.path("quant_method").asText("")
                    + "' is not supported: the weights are stored as whole"
                    + " numbers; use the float16, bfloat16 or float32 weights of the model");
        }
        used.addAll(List.of("is_decoder", "is_encoder_decoder", "pruned_heads", "quantization_config"));
    }

    /** Label names by output: id2label, or else label2id turned round; empty if there is neither. */
    SortedMap<Integer, String> labels() {
        SortedMap<Integer, String> labels = new TreeMap<>();
        json.path("label2id")
                .properties()
                .forEach(entry -> labels.put(entry.getValue().asInt(-1), entry.getKey()));
        if (json.path("id2label").isObject()) {
            labels.clear();
        }
        json.path("id2label").properties().forEach(entry -> {
            if (!entry.getKey().matches("\\d{1,9}")) {
                throw problem("id2label has the key '" + entry.getKey() + "', which is not the number of an output");
            }
            labels.put(Integer.valueOf(entry.getKey()), entry.getValue().asText());
        });
        return labels;
    }

    /** One line that lists the keys that are not known here; empty if all are known. Ask after the encoder was built. */
    List<String> notes() {
        Set<String> unknown = new TreeSet<>();
        json.fieldNames().forEachRemaining(unknown::add);
        unknown.removeAll(used);
        unknown.removeAll(HARMLESS);
        return unknown.isEmpty()
                ? List.of()
                : List.of(file.getFileName() + ": keys that spark-lora does not know and does not use: "
                        + String.join(", ", unknown));
    }

    private static Set<String> harmlessKeys() {
        return EncoderScript.resource(EncoderConfig.class, "config-keys.txt")
                .lines()
                .filter(line -> !line.startsWith("#"))
                .flatMap(line -> Stream.of(line.split(" ")))
                .collect(Collectors.toUnmodifiableSet());
    }

    /** A number, or a default if the key is missing or null. */
    public double number(String key, double defaultValue) {
        Optional<String> text = text(key);
        if (text.isPresent() && !json.path(key).isNumber()) {
            throw problem(key + " is '" + text.get() + "', but must be a number");
        }
        return text.isPresent() ? json.path(key).doubleValue() : defaultValue;
    }

    /** A text, if the key is present and not null. */
    public Optional<String> text(String key) {
        used.add(key);
        JsonNode value = json.path(key);
        return value.isValueNode() && !value.isNull() ? Optional.of(value.asText()) : Optional.empty();
    }

    /** Texts of a key: a list, or one text with {@code |} between them. Empty if the key is missing or null. */
    public List<String> texts(String key) {
        if (json.path(key) instanceof ArrayNode list) {
            used.add(key);
            return StreamSupport.stream(list.spliterator(), false)
                    .map(JsonNode::asText)
                    .toList();
        }
        return text(key).stream()
                .flatMap(all -> Stream.of(all.split("\\|")))
                .map(part -> part.strip().toLowerCase(Locale.ROOT))
                .toList();
    }

    /** An error about a value in this file. */
    public ModelException problem(String message) {
        return new ModelException("model.config", file + ": " + message);
    }

    /** An error about a model of this kind, which is valid but cannot be used here. */
    public ModelException unsupported(String message) {
        return new ModelException("model.unsupported", file + ": " + message);
    }
}
