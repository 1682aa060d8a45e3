package org.sparklora.worker.data;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Writes the tokenizer.json that belongs to a BERT vocab.txt: what transformers' converter makes of BertTokenizer. */
final class BertTokenizerJson {

    private BertTokenizerJson() {}

    /**
     * The JSON.
     *
     * @param source the vocabulary's file, for messages
     * @param lines its lines; a token's id is its line, counted from 0
     * @param config tokenizer_config.json, may be empty
     * @param map special_tokens_map.json, may be empty
     */
    static JsonObject generate(String source, List<String> lines, JsonObject config, JsonObject map)
            throws IOException {
        Map<String, Integer> ids = new HashMap<>();
        JsonObject vocab = new JsonObject();
        for (int id = 0; id < lines.size(); id++) {
            // A token that occurs twice has its last id, as in a Python dict.
            ids.put(lines.get(id), id);
            vocab.addProperty(lines.get(id), id);
        }
        Map<String, String> names = new LinkedHashMap<>();
        names.put("pad_token", "[PAD]");
        names.put("unk_token", "[UNK]");
        names.put("cls_token", "[CLS]");
        names.put("sep_token", "[SEP]");
        names.put("mask_token", "[MASK]");
        names.replaceAll((key, otherwise) -> SpecialTokens.name(key, otherwise, config, map));
        requireSpecialTokens(source, ids, names);

        JsonObject json = new JsonObject();
        json.addProperty("version", "1.0");
        json.add("truncation", JsonNull.INSTANCE);
        json.add("padding", JsonNull.INSTANCE);
        json.add("added_tokens", addedTokens(ids, names));
        json.add("normalizer", normalizer(config));
        json.add("pre_tokenizer", typed("BertPreTokenizer"));
        String cls = names.getOrDefault("cls_token", "[CLS]");
        String sep = names.getOrDefault("sep_token", "[SEP]");
        json.add("post_processor", template(ids, cls, sep));
        JsonObject decoder = typed("WordPiece");
        decoder.addProperty("prefix", "##");
        decoder.addProperty("cleanup", true);
        json.add("decoder", decoder);
        JsonObject model = typed("WordPiece");
        model.addProperty("unk_token", names.get("unk_token"));
        model.addProperty("continuing_subword_prefix", "##");
        model.addProperty("max_input_chars_per_word", 100);
        model.add("vocab", vocab);
        json.add("model", model);
        return json;
    }

    private static void requireSpecialTokens(String source, Map<String, Integer> ids, Map<String, String> names)
            throws IOException {
        List<String> missing = new ArrayList<>();
        names.forEach((key, name) -> {
            // [MASK] is for pre-training; a vocabulary can do without.
            if (!key.equals("mask_token") && !ids.containsKey(name)) {
                missing.add(name + " (" + key + ")");
            }
        });
        if (!missing.isEmpty()) {
            throw new IOException("'" + source + "' (" + ids.size() + " tokens) lacks " + String.join(", ", missing)
                    + "; add a line for each, or name the model's own special tokens in tokenizer_config.json");
        }
    }

    private static JsonArray addedTokens(Map<String, Integer> ids, Map<String, String> names) {
        Set<String> special = new LinkedHashSet<>();
        names.values().stream()
                .filter(ids::containsKey)
                .sorted(Comparator.comparingInt(name -> ids.getOrDefault(name, -1)))
                .forEach(special::add);
        JsonArray added = new JsonArray();
        for (String name : special) {
            JsonObject token = new JsonObject();
            token.addProperty("id", ids.get(name));
            token.addProperty("content", name);
            for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
                token.addProperty(flag, false);
            }
            token.addProperty("special", true);
            added.add(token);
        }
        return added;
    }

    private static JsonObject normalizer(JsonObject config) {
        JsonObject normalizer = typed("BertNormalizer");
        normalizer.addProperty("clean_text", true);
        normalizer.add(
                "handle_chinese_chars", orDefault(config.get("tokenize_chinese_chars"), new JsonPrimitive(true)));
        normalizer.add("strip_accents", orDefault(config.get("strip_accents"), JsonNull.INSTANCE));
        normalizer.add("lowercase", orDefault(config.get("do_lower_case"), new JsonPrimitive(true)));
        return normalizer;
    }

    private static JsonElement orDefault(@Nullable JsonElement value, JsonElement otherwise) {
        return value == null || value.isJsonNull() ? otherwise : value;
    }

    /** [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with token type 1 from B on. */
    private static JsonObject template(Map<String, Integer> ids, String cls, String sep) {
        JsonObject template = typed("TemplateProcessing");
        JsonArray single = new JsonArray();
        single.add(piece("SpecialToken", cls, 0));
        single.add(piece("Sequence", "A", 0));
        single.add(piece("SpecialToken", sep, 0));
        JsonArray pair = single.deepCopy();
        pair.add(piece("Sequence", "B", 1));
        pair.add(piece("SpecialToken", sep, 1));
        template.add("single", single);
        template.add("pair", pair);
        JsonObject special = new JsonObject();
        for (String name : new LinkedHashSet<>(List.of(cls, sep))) {
            JsonObject token = new JsonObject();
            token.addProperty("id", name);
            JsonArray id = new JsonArray();
            id.add(ids.get(name));
            token.add("ids", id);
            JsonArray text = new JsonArray();
            text.add(name);
            token.add("tokens", text);
            special.add(name, token);
        }
        template.add("special_tokens", special);
        return template;
    }

    private static JsonObject piece(String kind, String id, int type) {
        JsonObject inner = new JsonObject();
        inner.addProperty("id", id);
        inner.addProperty("type_id", type);
        JsonObject outer = new JsonObject();
        outer.add(kind, inner);
        return outer;
    }

    private static JsonObject typed(String type) {
        JsonObject json = new JsonObject();
        json.addProperty("type", type);
        return json;
    }
}
