package org.sparklora.worker.encoder;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a Hugging Face {@code config.json} says of an encoder. Reads keys by their Hugging Face names; a missing key
 * without a default, or a value of the wrong type, is an error that names file and key.
 */
public final class EncoderConfig {

    private final Path file;
    private final JsonObject json;

    private EncoderConfig(Path file, JsonObject json) {
        this.file = file;
        this.json = json;
    }

    /** Reads {@code config.json} of a model directory. */
    public static EncoderConfig read(Path modelDirectory) {
        Path file = modelDirectory.resolve("config.json");
        if (!Files.isDirectory(modelDirectory)) {
            throw new ModelException("model.path " + modelDirectory
                    + " is not a directory; give a Hugging Face model directory with config.json, model.safetensors"
                    + " and vocab.txt or tokenizer.json");
        }
        try {
            JsonElement json = JsonParser.parseString(Files.readString(file));
            if (!json.isJsonObject()) {
                throw new ModelException(file + " holds no JSON object; copy the model directory again");
            }
            return new EncoderConfig(file, json.getAsJsonObject());
        } catch (NoSuchFileException e) {
            throw new ModelException(
                    modelDirectory + " has no config.json; a Hugging Face model directory holds it beside the weights",
                    e);
        } catch (IOException e) {
            throw new ModelException(
                    file + " cannot be read (" + e + "); check its permissions and that it is UTF-8", e);
        } catch (JsonParseException e) {
            throw new ModelException(file + " is not valid JSON; copy the model directory again", e);
        }
    }

    /** {@code model_type}, or else the first of {@code architectures} in lower case. */
    public String modelType() {
        Optional<String> type = text("model_type");
        if (type.isPresent()) {
            return type.get();
        }
        JsonElement architectures = json.get("architectures");
        if (architectures != null
                && architectures.isJsonArray()
                && !architectures.getAsJsonArray().isEmpty()) {
            return architectures
                    .getAsJsonArray()
                    .get(0)
                    .getAsString()
                    .replaceFirst("(For|Model).*", "")
                    .toLowerCase(java.util.Locale.ROOT);
        }
        throw missing("model_type");
    }

    /** A required whole number, at least 1. */
    public int positive(String key) {
        double value = number(key).orElseThrow(() -> missing(key));
        if (value < 1 || value != Math.rint(value) || value > Integer.MAX_VALUE) {
            throw new ModelException(
                    file + ": " + key + " is " + plain(value) + ", but must be a whole number above 0");
        }
        return (int) value;
    }

    /** A whole number, at least 0, or a default where the key is missing or null. */
    public int notNegative(String key, int otherwise) {
        double value = number(key, otherwise);
        if (value < 0 || value != Math.rint(value) || value > Integer.MAX_VALUE) {
            throw problem(key + " is " + plain(value) + ", but must be a whole number of at least 0");
        }
        return (int) value;
    }

    /** A required whole number that divides another one. */
    public int divisor(String key, String ofKey) {
        int of = positive(ofKey);
        int value = positive(key);
        if (of % value != 0) {
            throw problem(ofKey + " " + of + " is not a multiple of " + key + " " + value);
        }
        return value;
    }

    /** Refuses an activation other than GELU in its erf form. */
    public void requireGelu(String key) {
        String activation = text(key).orElse("gelu");
        if (!activation.equals("gelu")) {
            throw problem(key + " '" + activation + "' is not supported; BERT's erf form 'gelu' is");
        }
    }

    /** A number, or a default where the key is missing or null. */
    public double number(String key, double otherwise) {
        return number(key).orElse(otherwise);
    }

    /** A text, where the key is there and not null. */
    public Optional<String> text(String key) {
        JsonPrimitive value = primitive(key);
        return value == null ? Optional.empty() : Optional.of(value.getAsString());
    }

    /** An error about this file. */
    public ModelException problem(String message) {
        return new ModelException(file + ": " + message);
    }

    private Optional<Double> number(String key) {
        JsonPrimitive value = primitive(key);
        if (value == null) {
            return Optional.empty();
        }
        if (!value.isNumber()) {
            throw new ModelException(file + ": " + key + " is '" + value.getAsString() + "', but must be a number");
        }
        return Optional.of(value.getAsDouble());
    }

    private @Nullable JsonPrimitive primitive(String key) {
        JsonElement value = json.get(key);
        return value != null && value.isJsonPrimitive() ? value.getAsJsonPrimitive() : null;
    }

    private ModelException missing(String key) {
        return new ModelException(file + " has no key '" + key + "'; copy the model directory again");
    }

    private static String plain(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
