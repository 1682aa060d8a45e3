package org.sparklora.worker.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes the tokenizer.json that belongs to a BERT vocab.txt: what transformers' converter makes of BertTokenizer. */
final class BertTokenizerJson {

    /** The file without vocabulary and special tokens, with BERT's defaults. */
    private static final String TEMPLATE = "bert-tokenizer.json";

    private BertTokenizerJson() {}

    /**
     * The JSON, whose normalizer has BERT's defaults.
     *
     * @param source the vocabulary's file, for messages
     * @param lines its lines; a token's id is its line, counted from 0
     * @param config tokenizer_config.json, may be empty
     * @param map special_tokens_map.json, may be empty
     */
    static ObjectNode generate(String source, List<String> lines, JsonNode config, JsonNode map) throws IOException {
        ObjectNode json =
                (ObjectNode) TokenizerJson.JSON.readTree(BertTokenizerJson.class.getResourceAsStream(TEMPLATE));
        ObjectNode model = (ObjectNode) json.get("model");
        ObjectNode vocab = (ObjectNode) model.get("vocab");
        Map<String, Integer> ids = new HashMap<>();
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
        names.replaceAll((key, usual) -> TokenizerJson.specialToken(key, usual, config, map));
        requireSpecialTokens(source, ids, names);
        addTokens((ArrayNode) json.get("added_tokens"), ids, names);
        fillTemplate(json.get("post_processor"), ids, names);
        model.put("unk_token", names.get("unk_token"));
        return json;
    }

    private static void requireSpecialTokens(String source, Map<String, Integer> ids, Map<String, String> names)
            throws IOException {
        List<String> missing = names.entrySet().stream()
                // [MASK] is for pre-training; a vocabulary can do without.
                .filter(e -> !e.getKey().equals("mask_token") && !ids.containsKey(e.getValue()))
                .map(e -> e.getValue() + " (" + e.getKey() + ")")
                .toList();
        if (!missing.isEmpty()) {
            throw new IOException("'" + source + "' (" + ids.size() + " tokens) lacks " + String.join(", ", missing)
                    + "; if the model has other special tokens, name them in tokenizer_config.json; if this is not the"
                    + " vocabulary of a BERT tokenizer, " + TokenizerSpec.SAVE_JSON);
        }
    }

    private static void addTokens(ArrayNode added, Map<String, Integer> ids, Map<String, String> names) {
        names.values().stream()
                .distinct()
                .filter(ids::containsKey)
                .sorted(Comparator.comparingInt(name -> ids.getOrDefault(name, -1)))
                .forEach(name -> added.add(TokenizerJson.token(ids.getOrDefault(name, -1), name, true)));
    }

    /** [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with token type 1 from B on, with the model's own special tokens. */
    private static void fillTemplate(JsonNode template, Map<String, Integer> ids, Map<String, String> names) {
        ObjectNode special = (ObjectNode) template.get("special_tokens");
        Map<String, String> own = Map.of(
                "[CLS]", names.getOrDefault("cls_token", "[CLS]"),
                "[SEP]", names.getOrDefault("sep_token", "[SEP]"));
        for (JsonNode token : template.findValues("SpecialToken")) {
            String usual = token.get("id").asText();
            String name = own.getOrDefault(usual, usual);
            ((ObjectNode) token).put("id", name);
            ObjectNode entry = special.putObject(name).put("id", name);
            entry.putArray("ids").add(ids.get(name));
            entry.putArray("tokens").add(name);
        }
    }
}
