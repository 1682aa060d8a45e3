package org.sparklora.worker.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonpCharacterEscapes;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/** A tokenizer.json made fit for training: no truncation or padding of its own, special tokens known. */
final class TokenizerJson {

    private static final Map<String, String> NORMALIZER_KEYS = Map.of(
            "do_lower_case", "lowercase",
            "strip_accents", "strip_accents",
            "tokenize_chinese_chars", "handle_chinese_chars");

    /** Numbers keep the digits of the file, and a vocabulary's names are not interned. */
    static final JsonMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private final String source;
    private final ObjectNode json;
    private final Map<String, Integer> ids = new HashMap<>();

    TokenizerJson(String source, ObjectNode json) throws IOException {
        this.source = source;
        this.json = json;
        if (!json.path("model").has("vocab")) {
            throw new IOException("'" + source + "' has no model.vocab; copy the model's tokenizer.json again");
        }
        if (!json.hasNonNull("post_processor")) {
            throw new IOException("'" + source + "' has no post_processor, so texts would lack [CLS] and [SEP]; "
                    + "remove the file if the directory has a vocab.txt, or copy the model's own tokenizer.json");
        }
        readIds(json.get("model").get("vocab"));
        // A file may carry the settings of its last use. Padding here would become tokens that are attended to.
        json.putNull("truncation");
        json.putNull("padding");
    }

    private void readIds(JsonNode vocab) {
        if (vocab.isArray()) {
            // Unigram: [[token, score], …], ids by position.
            for (int id = 0; id < vocab.size(); id++) {
                ids.put(vocab.get(id).required(0).asText(), id);
            }
        } else {
            vocab.fields().forEachRemaining(e -> ids.put(e.getKey(), id(e.getValue())));
        }
        for (JsonNode token : json.path("added_tokens")) {
            ids.put(token.required("content").asText(), id(token.required("id")));
        }
    }

    private static int id(JsonNode node) {
        if (!node.canConvertToInt() || !node.isNumber()) {
            throw new IllegalArgumentException(node + " is not a token id");
        }
        return node.intValue();
    }

    /**
     * A special token's text from tokenizer_config.json, or else from special_tokens_map.json, or else a default.
     *
     * @param key e.g. {@code pad_token}
     * @param config tokenizer_config.json, may be empty
     * @param map special_tokens_map.json, may be empty
     */
    static String specialToken(String key, String defaultName, JsonNode config, JsonNode map) {
        for (JsonNode file : List.of(config, map)) {
            JsonNode value = file.path(key);
            // Older files store {"content": "[PAD]", "lstrip": …} instead of the text alone.
            JsonNode text = value.isObject() ? value.path("content") : value;
            if (text.isValueNode() && !text.isNull()) {
                return text.asText();
            }
        }
        return defaultName;
    }

    /** An entry of {@code added_tokens}: a token that is never cut. Special tokens are found before the text is normalized. */
    static ObjectNode token(int id, String content, boolean special) {
        return JSON.createObjectNode()
                .put("id", id)
                .put("content", content)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", !special)
                .put("special", special);
    }

    /**
     * Adds the tokens of {@code added_tokens_decoder} in tokenizer_config.json, or else of added_tokens.json, and special
     * tokens that no file gives an id, as transformers does.
     *
     * @param config tokenizer_config.json, may be empty
     * @param map special_tokens_map.json, may be empty
     * @param ofFile added_tokens.json, may be empty
     */
    void addTokens(JsonNode config, JsonNode map, JsonNode ofFile) throws IOException {
        List<String> special = specialTokens(config, map);
        SortedMap<Integer, ObjectNode> tokens = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry :
                config.path("added_tokens_decoder").properties()) {
            JsonNode given = entry.getValue();
            int id = Integer.parseInt(entry.getKey());
            ObjectNode token = token(
                    id,
                    given.required("content").asText(),
                    given.path("special").asBoolean());
            List.of("single_word", "lstrip", "rstrip", "normalized")
                    .forEach(flag -> token.put(
                            flag, given.path(flag).asBoolean(token.path(flag).asBoolean())));
            tokens.put(id, token);
        }
        if (tokens.isEmpty()) {
            ofFile.properties()
                    .forEach(entry -> tokens.put(
                            id(entry.getValue()),
                            token(id(entry.getValue()), entry.getKey(), special.contains(entry.getKey()))));
        }
        for (ObjectNode token : tokens.values()) {
            addToken(token);
        }
        for (String name : special) {
            if (!ids.containsKey(name)) {
                addToken(token(vocabularySize(), name, true));
            }
        }
    }

    /** Every special token's text, in the order of the files. */
    private static List<String> specialTokens(JsonNode config, JsonNode map) {
        List<String> names = new ArrayList<>();
        for (JsonNode file : List.of(config, map)) {
            file.path("additional_special_tokens")
                    .forEach(token ->
                            names.add(token.isObject() ? token.path("content").asText() : token.asText()));
        }
        return names;
    }

    private void addToken(ObjectNode token) throws IOException {
        String content = token.path("content").asText();
        int id = token.path("id").asInt();
        Integer known = ids.putIfAbsent(content, id);
        if (known != null && known != id) {
            throw new IOException("the added token '" + content + "' has the id " + id + ", but '" + source
                    + "' gives it " + known + "; the files belong to different tokenizers, copy them again");
        }
        if (known == null
                && vocabularySize() != ids.values().stream().distinct().count()) {
            throw new IOException("the added token '" + content + "' has the id " + id + ", but the ids of '" + source
                    + "' end before " + (id - 1) + "; a file with added tokens is missing, copy the directory again");
        }
        if (!json.withArray("added_tokens").findValuesAsText("content").contains(content)) {
            json.withArray("added_tokens").add(token);
        }
    }

    /** Lays what tokenizer_config.json says over a BertNormalizer and a byte-level pre-tokenizer. */
    void override(JsonNode config) {
        if (config.path("add_prefix_space").isBoolean()) {
            setPrefixSpace(json, config.get("add_prefix_space").asBoolean());
        }
        if (json.path("normalizer") instanceof ObjectNode normalizer
                && normalizer.path("type").asText().equals("BertNormalizer")) {
            NORMALIZER_KEYS.forEach((key, ours) -> {
                JsonNode value = config.get(key);
                if (value != null && (!value.isNull() || key.equals("strip_accents"))) {
                    normalizer.set(ours, value);
                }
            });
        }
    }

    /** The padding token: the name given, or where that is empty a usual name; one that has an id. */
    String padToken(String name) throws IOException {
        List<String> names = name.isEmpty() ? List.of("[PAD]", "<pad>") : List.of(name);
        for (String candidate : names) {
            if (ids.containsKey(candidate)) {
                return candidate;
            }
        }
        throw new IOException("'" + source + "' lacks the padding token " + String.join(" or ", names)
                + "; name the model's own as pad_token in tokenizer_config.json");
    }

    int id(String token) {
        return Objects.requireNonNull(ids.get(token), token);
    }

    int vocabularySize() {
        return ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1;
    }

    String text() {
        return text(json);
    }

    static String text(JsonNode json) {
        try {
            return JSON.writer(JsonpCharacterEscapes.instance()).writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of values cannot fail to become JSON", e);
        }
    }

    /** Reads what {@link #text} wrote. */
    static ObjectNode parse(String json) {
        try {
            return (ObjectNode) JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tokenizer.json that was read cannot fail to be read again", e);
        }
    }

    /** Sets add_prefix_space wherever the pre-tokenizer is byte-level, alone or in a sequence. */
    static void setPrefixSpace(ObjectNode json, boolean value) {
        JsonNode only = json.path("pre_tokenizer");
        for (JsonNode one : only.has("pretokenizers") ? only.get("pretokenizers") : List.of(only)) {
            if (one.path("type").asText().equals("ByteLevel")) {
                ((ObjectNode) one).put("add_prefix_space", value);
            }
        }
    }
}
