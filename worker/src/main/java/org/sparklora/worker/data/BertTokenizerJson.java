package org.sparklora.worker.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
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
    static ObjectNode generate(String source, List<String> lines, JsonNode config, JsonNode map) throws IOException {
        Map<String, Integer> ids = new HashMap<>();
        ObjectNode vocab = JsonNodeFactory.instance.objectNode();
        for (int id = 0; id < lines.size(); id++) {
            // A token that occurs twice has its last id, as in a Python dict.
            ids.put(lines.get(id), id);
            vocab.put(lines.get(id), id);
        }
        Map<String, String> names = new LinkedHashMap<>();
        names.put("pad_token", "[PAD]");
        names.put("unk_token", "[UNK]");
        names.put("cls_token", "[CLS]");
        names.put("sep_token", "[SEP]");
        names.put("mask_token", "[MASK]");
        names.replaceAll((key, usual) -> SpecialTokens.name(key, usual, config, map));
        requireSpecialTokens(source, ids, names);

        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("version", "1.0");
        json.set("truncation", NullNode.instance);
        json.set("padding", NullNode.instance);
        json.set("added_tokens", addedTokens(ids, names));
        json.set("normalizer", normalizer(config));
        json.set("pre_tokenizer", typed("BertPreTokenizer"));
        String cls = names.getOrDefault("cls_token", "[CLS]");
        String sep = names.getOrDefault("sep_token", "[SEP]");
        json.set("post_processor", template(ids, cls, sep));
        ObjectNode decoder = typed("WordPiece");
        decoder.put("prefix", "##");
        decoder.put("cleanup", true);
        json.set("decoder", decoder);
        ObjectNode model = typed("WordPiece");
        model.put("unk_token", names.get("unk_token"));
        model.put("continuing_subword_prefix", "##");
        model.put("max_input_chars_per_word", 100);
        model.set("vocab", vocab);
        json.set("model", model);
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

    private static ArrayNode addedTokens(Map<String, Integer> ids, Map<String, String> names) {
        Set<String> special = new LinkedHashSet<>();
        names.values().stream()
                .filter(ids::containsKey)
                .sorted(Comparator.comparingInt(name -> ids.getOrDefault(name, -1)))
                .forEach(special::add);
        ArrayNode added = JsonNodeFactory.instance.arrayNode();
        for (String name : special) {
            ObjectNode token = JsonNodeFactory.instance.objectNode();
            token.put("id", ids.get(name));
            token.put("content", name);
            for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
                token.put(flag, false);
            }
            token.put("special", true);
            added.add(token);
        }
        return added;
    }

    private static ObjectNode normalizer(JsonNode config) {
        ObjectNode normalizer = typed("BertNormalizer");
        normalizer.put("clean_text", true);
        normalizer.set("handle_chinese_chars", orDefault(config.get("tokenize_chinese_chars"), BooleanNode.TRUE));
        normalizer.set("strip_accents", orDefault(config.get("strip_accents"), NullNode.instance));
        normalizer.set("lowercase", orDefault(config.get("do_lower_case"), BooleanNode.TRUE));
        return normalizer;
    }

    private static JsonNode orDefault(@Nullable JsonNode value, JsonNode defaultValue) {
        return value == null || value.isNull() ? defaultValue : value;
    }

    /** [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with token type 1 from B on. */
    private static ObjectNode template(Map<String, Integer> ids, String cls, String sep) {
        ObjectNode template = typed("TemplateProcessing");
        ArrayNode single = JsonNodeFactory.instance.arrayNode();
        single.add(piece("SpecialToken", cls, 0));
        single.add(piece("Sequence", "A", 0));
        single.add(piece("SpecialToken", sep, 0));
        ArrayNode pair = single.deepCopy();
        pair.add(piece("Sequence", "B", 1));
        pair.add(piece("SpecialToken", sep, 1));
        template.set("single", single);
        template.set("pair", pair);
        ObjectNode special = JsonNodeFactory.instance.objectNode();
        for (String name : new LinkedHashSet<>(List.of(cls, sep))) {
            ObjectNode token = JsonNodeFactory.instance.objectNode();
            token.put("id", name);
            ArrayNode id = JsonNodeFactory.instance.arrayNode();
            id.add(ids.get(name));
            token.set("ids", id);
            ArrayNode text = JsonNodeFactory.instance.arrayNode();
            text.add(name);
            token.set("tokens", text);
            special.set(name, token);
        }
        template.set("special_tokens", special);
        return template;
    }

    private static ObjectNode piece(String kind, String id, int type) {
        ObjectNode inner = JsonNodeFactory.instance.objectNode();
        inner.put("id", id);
        inner.put("type_id", type);
        ObjectNode outer = JsonNodeFactory.instance.objectNode();
        outer.set(kind, inner);
        return outer;
    }

    private static ObjectNode typed(String type) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("type", type);
        return json;
    }
}
