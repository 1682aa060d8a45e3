package org.sparklora.worker.data;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A tokenizer.json made fit for training: no truncation or padding of its own, special tokens known. */
final class TokenizerJson {

    private static final Map<String, String> NORMALIZER_KEYS = Map.of(
            "do_lower_case", "lowercase",
            "strip_accents", "strip_accents",
            "tokenize_chinese_chars", "handle_chinese_chars");

    private final String source;
    private final JsonObject json;
    private final Map<String, Integer> ids = new HashMap<>();

    TokenizerJson(String source, JsonObject json) throws IOException {
        this.source = source;
        this.json = json;
        JsonElement model = json.get("model");
        if (model == null || !model.isJsonObject() || !model.getAsJsonObject().has("vocab")) {
            throw new IOException("'" + source + "' has no model.vocab; copy the model's tokenizer.json again");
        }
        JsonElement processor = json.get("post_processor");
        if (processor == null || processor.isJsonNull()) {
            throw new IOException("'" + source + "' has no post_processor, so texts would lack [CLS] and [SEP]; "
                    + "remove the file if the directory has a vocab.txt, or copy the model's own tokenizer.json");
        }
        readIds(model.getAsJsonObject().get("vocab"));
        // Left by whoever used the tokenizer last: padding here would become tokens that are attended to.
        json.add("truncation", JsonNull.INSTANCE);
        json.add("padding", JsonNull.INSTANCE);
    }

    private void readIds(JsonElement vocab) {
        if (vocab.isJsonArray()) {
            // Unigram: [[token, score], …], ids by position.
            JsonArray pieces = vocab.getAsJsonArray();
            for (int id = 0; id < pieces.size(); id++) {
                ids.put(pieces.get(id).getAsJsonArray().get(0).getAsString(), id);
            }
        } else {
            vocab.getAsJsonObject()
                    .entrySet()
                    .forEach(e -> ids.put(e.getKey(), e.getValue().getAsInt()));
        }
        JsonElement added = json.get("added_tokens");
        if (added != null && added.isJsonArray()) {
            for (JsonElement token : added.getAsJsonArray()) {
                JsonObject t = token.getAsJsonObject();
                ids.put(t.get("content").getAsString(), t.get("id").getAsInt());
            }
        }
    }

    /** Lays what tokenizer_config.json says over a BertNormalizer. */
    void override(JsonObject config) {
        JsonElement normalizer = json.get("normalizer");
        if (normalizer == null || !normalizer.isJsonObject()) {
            return;
        }
        JsonElement type = normalizer.getAsJsonObject().get("type");
        if (type == null || !type.getAsString().equals("BertNormalizer")) {
            return;
        }
        NORMALIZER_KEYS.forEach((key, ours) -> {
            JsonElement value = config.get(key);
            if (value != null && (!value.isJsonNull() || key.equals("strip_accents"))) {
                normalizer.getAsJsonObject().add(ours, value);
            }
        });
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

    static String text(JsonObject json) {
        return new GsonBuilder().disableHtmlEscaping().serializeNulls().create().toJson(json);
    }

    /** Sets add_prefix_space wherever the pre-tokenizer is byte-level, alone or in a sequence. */
    static void addPrefixSpace(JsonObject json) {
        JsonElement preTokenizer = json.get("pre_tokenizer");
        if (preTokenizer == null || !preTokenizer.isJsonObject()) {
            return;
        }
        JsonObject only = preTokenizer.getAsJsonObject();
        List<JsonElement> all =
                only.has("pretokenizers") ? only.getAsJsonArray("pretokenizers").asList() : List.of(only);
        for (JsonElement one : all) {
            JsonElement type = one.getAsJsonObject().get("type");
            if (type != null && type.getAsString().equals("ByteLevel")) {
                one.getAsJsonObject().addProperty("add_prefix_space", true);
            }
        }
    }
}
