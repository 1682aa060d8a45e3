package org.sparklora.worker.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes the tokenizer.json that belongs to a RoBERTa vocab.json and merges.txt: what transformers' converter makes of
 * RobertaTokenizer.
 */
final class RobertaTokenizerJson {

    /** The file without vocabulary, merges and special tokens. */
    private static final String TEMPLATE = "roberta-tokenizer.json";

    private static final Map<String, String> USUAL = Map.of(
            "cls_token",
            "<s>",
            "pad_token",
            "<pad>",
            "sep_token",
            "</s>",
            "unk_token",
            "<unk>",
            "mask_token",
            "<mask>");

    private RobertaTokenizerJson() {}

    /**
     * The JSON.
     *
     * @param source the file of the vocabulary, for messages
     * @param vocab token ids by token
     * @param merges lines of merges.txt
     * @param config tokenizer_config.json, may be empty
     * @param map special_tokens_map.json, may be empty
     */
    static ObjectNode generate(String source, ObjectNode vocab, List<String> merges, JsonNode config, JsonNode map)
            throws IOException {
        ObjectNode json =
                (ObjectNode) TokenizerJson.JSON.readTree(RobertaTokenizerJson.class.getResourceAsStream(TEMPLATE));
        ObjectNode model = (ObjectNode) json.get("model");
        model.set("vocab", vocab);
        ArrayNode pairs = (ArrayNode) model.get("merges");
        merges.stream()
                .filter(line -> !line.isEmpty() && !line.startsWith("#version"))
                .forEach(pairs::add);
        Map<Integer, ObjectNode> special = new TreeMap<>();
        for (String key : USUAL.keySet()) {
            String name = TokenizerJson.specialToken(key, USUAL.get(key), config, map);
            if (!vocab.path(name).isInt()) {
                throw new IOException("'" + source + "' lacks " + name + " (" + key + "); it is not the vocabulary of a"
                        + " RoBERTa model, or tokenizer_config.json names other special tokens than its own");
            }
            // RoBERTa's mask stands for a word with the space before it.
            ObjectNode token = TokenizerJson.token(vocab.get(name).asInt(), name, true);
            special.putIfAbsent(vocab.get(name).asInt(), token.put("lstrip", key.equals("mask_token")));
            if (json.get("post_processor").path(key.replace("_token", "")) instanceof ArrayNode pair) {
                pair.add(name).add(vocab.get(name).asInt());
            }
        }
        ((ArrayNode) json.get("added_tokens")).addAll(special.values());
        return json;
    }
}
