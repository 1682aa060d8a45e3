package org.sparklora.driver.model.peft;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.driver.job.text.Resource;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;

/** Reads {@code adapter_config.json}; reports everything wrong with it at once. */
final class PeftConfigReader {

    /** Keys that PEFT 0.3.0 to 0.21 writes; the plain name of a method that is not supported, where a key turns it on. */
    private static final Map<String, String> KEYS = Resource.text(PeftConfigReader.class, "adapter-config-keys.txt")
            .lines()
            .filter(line -> !line.startsWith("#"))
            .map(line -> line.split(":\\s*", 2))
            .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1], (a, b) -> a, TreeMap::new));

    /** Initializations that keep the base weights; the others (PiSSA, OLoRA, LoftQ, …) change them. */
    private static final List<String> PLAIN_INITS = List.of("gaussian", "eva", "orthogonal", "mica");

    private final Path file;
    private final JsonNode root;
    private final List<String> problems = new ArrayList<>();

    private PeftConfigReader(Path file, JsonNode root) {
        this.file = file;
        this.root = root;
    }

    static PeftConfig read(Path file) {
        JsonNode root;
        try {
            root = new ObjectMapper().readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            throw new PeftException(
                    "adapter.config",
                    file + ": this is not JSON (" + e.getOriginalMessage() + "); copy the adapter again",
                    e);
        } catch (IOException e) {
            throw new PeftException(
                    "adapter.unreadable", file + ": cannot be read (" + e.getMessage() + "); check the file", e);
        }
        if (!root.isObject()) {
            throw new PeftException("adapter.config", file + ": this is not a JSON object; copy the adapter again");
        }
        return new PeftConfigReader(file, root).read();
    }

    private PeftConfig read() {
        String type = root.path("peft_type").asText("");
        if (!type.equals("LORA")) {
            throw new PeftException(
                    "adapter.unsupported",
                    file + ": peft_type is '" + type + "', but only LORA adapters can be loaded");
        }
        KEYS.forEach((key, method) -> {
            if (!method.isEmpty() && isSet(root.path(key))) {
                problems.add(key + " is " + root.path(key) + ", but " + method + " is not supported");
            }
        });
        JsonNode init = root.path("init_lora_weights");
        if (init.isTextual() && !PLAIN_INITS.contains(init.asText().toLowerCase(Locale.ROOT))) {
            problems.add(
                    "init_lora_weights is " + init + ", which changes the base weights: convert the adapter to plain"
                            + " LoRA with PEFT's save_pretrained(path_initial_model_for_weight_conversion=...)");
        }
        int unsupported = problems.size();
        checkTargets();
        PeftConfig.Ranks ranks = ranks();
        check("lora_dropout", JsonNode::isNumber, "a number");
        BiasMode bias = bias();
        check("modules_to_save", JsonNode::isArray, "a list of names");
        if (!problems.isEmpty()) {
            throw new PeftException(
                    problems.size() == unsupported ? "adapter.unsupported" : "adapter.config",
                    file + ": " + String.join("; ", problems));
        }
        TreeSet<String> unknown = new TreeSet<>();
        root.fieldNames().forEachRemaining(unknown::add);
        unknown.removeAll(KEYS.keySet());
        return new PeftConfig(variant(), ranks, bias, unknown);
    }

    /** How the adapter started does not matter any more. */
    private LoraVariant variant() {
        return LoraVariants.of(Map.of(
                "peft_type", root.path("peft_type").asText(),
                "use_dora", root.path("use_dora").asBoolean()));
    }

    private void checkTargets() {
        JsonNode layers = root.path("layers_to_transform");
        for (JsonNode layer : layers.isArray() ? layers : List.of(layers)) {
            if (isPresent(layer) && !isWhole(layer)) {
                problems.add("layers_to_transform holds " + layer + ", which is not a layer number");
            }
        }
        check("target_modules", targets -> targets.isTextual() || targets.isArray(), "a list of names");
    }

    private PeftConfig.Ranks ranks() {
        JsonNode r = root.path("r");
        if (!isWhole(r) || r.intValue() < 1) {
            problems.add("r is " + (isPresent(r) ? r : "missing") + ", but it must be a whole number from 1");
        }
        if (!isPresent(root.path("lora_alpha"))) {
            problems.add("lora_alpha is missing");
        }
        check("lora_alpha", JsonNode::isNumber, "a number");
        return new PeftConfig.Ranks(
                r.asInt(),
                root.path("lora_alpha").asDouble(1.0),
                pattern("rank_pattern", JsonNode::intValue),
                pattern("alpha_pattern", JsonNode::doubleValue),
                root.path("use_rslora").asBoolean(false));
    }

    private <T> PatternMap<T> pattern(String key, Function<JsonNode, T> value) {
        Map<String, T> pattern = new LinkedHashMap<>();
        check(key, JsonNode::isObject, "an object");
        root.path(key).fields().forEachRemaining(e -> {
            try {
                Pattern.compile(e.getKey());
            } catch (PatternSyntaxException bad) {
                problems.add(key + " has the key '" + e.getKey() + "', which is not a regular expression ("
                        + bad.getDescription() + ")");
                return;
            }
            if (e.getValue().isNumber() && e.getValue().doubleValue() > 0) {
                pattern.put(e.getKey(), value.apply(e.getValue()));
            } else {
                problems.add(key + "['" + e.getKey() + "'] is " + e.getValue() + ", but it must be a number above 0");
            }
        });
        return PatternMap.of(pattern);
    }

    private BiasMode bias() {
        String bias = root.path("bias").isTextual() ? root.path("bias").asText() : "none";
        for (BiasMode mode : BiasMode.values()) {
            if (mode.peftName().equals(bias)) {
                return mode;
            }
        }
        problems.add("bias is '" + bias + "', but it must be none, all or lora_only");
        return BiasMode.NONE;
    }

    private void check(String key, Predicate<JsonNode> isGood, String wanted) {
        JsonNode node = root.path(key);
        if (isPresent(node) && !isGood.test(node)) {
            problems.add(key + " is " + node + ", but it must be " + wanted);
        }
    }

    private static boolean isWhole(JsonNode node) {
        return node.isIntegralNumber() && node.canConvertToInt();
    }

    private static boolean isPresent(JsonNode node) {
        return !node.isMissingNode() && !node.isNull();
    }

    // PEFT writes unused settings as false, null or, in some versions, an empty list or object.
    private static boolean isSet(JsonNode node) {
        return isPresent(node) && (node.isBoolean() ? node.booleanValue() : !node.isContainerNode() || !node.isEmpty());
    }
}
