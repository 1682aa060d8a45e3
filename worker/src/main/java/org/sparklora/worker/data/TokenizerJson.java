package org.sparklora.worker.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonpCharacterEscapes;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
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
    private final TokenizerSettings settings;
    private final Optional<TokenizerKind> made;
    /** The special tokens of a kind by their key in tokenizer_config.json; empty for a tokenizer.json that was read. */
    private final Map<String, String> named;

    private final Map<String, Integer> ids = new HashMap<>();

    /**
     * A tokenizer.
     *
     * @param made the kind if it was made from a vocabulary, so that it lacks its special tokens
     */
    TokenizerJson(String source, ObjectNode json, TokenizerSettings settings, Optional<TokenizerKind> made)
            throws IOException {
        this.source = source;
        this.json = json;
        this.settings = settings;
        this.made = made;
        this.named = made.map(kind -> kind.specialTokens(settings)).orElse(Map.of());
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

    /** The tokens around texts must have the ids that the vocabulary gives them. */
    private void requireIds(JsonNode postProcessor) throws IOException {
        Map<String, JsonNode> given = new LinkedHashMap<>();
        for (JsonNode token : postProcessor.findPath("special_tokens")) {
            for (int i = 0; i < token.path("tokens").size(); i++) {
                given.put(token.get("tokens").get(i).asText(), token.path("ids").path(i));
            }
        }
        for (String key : List.of("cls", "sep")) {
            JsonNode pair = postProcessor.findPath(key);
            if (pair.isArray()) {
                given.put(pair.path(0).asText(), pair.path(1));
            }
        }
        for (Map.Entry<String, JsonNode> token : given.entrySet()) {
            Integer known = ids.get(token.getKey());
            if (known == null || known != token.getValue().asInt(-1)) {
                throw new IOException("the post_processor of '" + source + "' puts " + token.getKey() + " with the id "
                        + token.getValue() + " around texts, but the vocabulary "
                        + (known == null ? "lacks it" : "gives it " + known)
                        + "; copy the model's tokenizer.json again");
            }
        }
    }

    private static int id(JsonNode node) {
        if (!node.canConvertToInt() || !node.isNumber()) {
            throw new IllegalArgumentException(node + " is not a token id");
        }
        return node.intValue();
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
     * tokens that no file gives an id, as transformers does. Then every special token has its id.
     */
    void addTokens() throws IOException {
        List<String> further = settings.furtherSpecialTokens();
        SortedMap<Integer, ObjectNode> tokens = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry :
                settings.config().path("added_tokens_decoder").properties()) {
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
            settings.added().properties().forEach(entry -> {
                String name = entry.getKey();
                int id = id(entry.getValue());
                boolean special = further.contains(name);
                tokens.put(id, named.containsValue(name) ? named(id, name) : token(id, name, special));
            });
        }
        for (ObjectNode token : tokens.values()) {
            addToken(token);
        }
        if (made.isPresent()) {
            frame(made.get());
        }
        for (String name : further) {
            if (!ids.containsKey(name)) {
                addToken(token(vocabularySize(), name, true));
            }
        }
        requireIds(json.get("post_processor"));
    }

    /** An entry for a special token of the kind. */
    private ObjectNode named(int id, String name) {
        boolean mask = name.equals(named.get("mask_token"));
        return token(id, name, true)
                .put(
                        "lstrip",
                        mask && made.filter(TokenizerKind::maskTakesSpace).isPresent());
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

    /** Makes the kind's special tokens tokens that are never cut, and puts them around texts. */
    private void frame(TokenizerKind kind) throws IOException {
        List<String> missing = named.entrySet().stream()
                // The mask is for pre-training; a vocabulary can do without.
                .filter(e -> !e.getKey().equals("mask_token") && !ids.containsKey(e.getValue()))
                .map(e -> e.getValue() + " (" + e.getKey() + ")")
                .toList();
        if (!missing.isEmpty()) {
            throw new IOException("'" + source + "' (" + ids.size() + " tokens) lacks " + String.join(", ", missing)
                    + "; if the model has other special tokens, name them in tokenizer_config.json; if this is not the"
                    + " vocabulary of a " + kind + " tokenizer, " + TokenizerSpec.SAVE_JSON);
        }
        for (String name : named.values()) {
            if (ids.containsKey(name) || kind.addsMask()) {
                addToken(named(ids.getOrDefault(name, vocabularySize()), name));
            }
        }
        List<JsonNode> added = new ArrayList<>();
        json.get("added_tokens").forEach(added::add);
        added.sort(Comparator.comparingInt(token -> token.get("id").asInt()));
        json.putArray("added_tokens").addAll(added);
        fill(
                json.get("post_processor"),
                Map.of(
                        "[CLS]", named.getOrDefault("cls_token", "[CLS]"),
                        "[SEP]", named.getOrDefault("sep_token", "[SEP]")));
    }

    /** Puts the model's own tokens for [CLS] and [SEP] into a post-processor, with their ids. */
    private void fill(JsonNode postProcessor, Map<String, String> own) {
        if (postProcessor.path("cls") instanceof ArrayNode cls && postProcessor.path("sep") instanceof ArrayNode sep) {
            cls.add(own.get("[CLS]")).add(ids.get(own.get("[CLS]")));
            sep.add(own.get("[SEP]")).add(ids.get(own.get("[SEP]")));
            return;
        }
        ObjectNode special = (ObjectNode) postProcessor.get("special_tokens");
        for (JsonNode token : postProcessor.findValues("SpecialToken")) {
            String usual = token.get("id").asText();
            String name = own.getOrDefault(usual, usual);
            ((ObjectNode) token).put("id", name);
            ObjectNode entry = special.putObject(name).put("id", name);
            entry.putArray("ids").add(ids.get(name));
            entry.putArray("tokens").add(name);
        }
    }

    /** Lays what tokenizer_config.json says over a BertNormalizer and a byte-level pre-tokenizer. */
    void override() {
        JsonNode config = settings.config();
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

    /** The padding token: the name given, or where none is a usual name; one that has an id. */
    String padToken() throws IOException {
        String name = settings.specialToken("pad_token", "");
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
