package org.sparklora.worker.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * What stands beside a tokenizer's main file. Each may be empty.
 *
 * @param config tokenizer_config.json
 * @param map special_tokens_map.json
 * @param added added_tokens.json
 */
record TokenizerSettings(JsonNode config, JsonNode map, JsonNode added) {

    /**
     * A special token's text from tokenizer_config.json, or else from special_tokens_map.json, or else a default.
     *
     * @param key e.g. {@code pad_token}
     */
    String specialToken(String key, String defaultName) {
        for (JsonNode file : List.of(config, map)) {
            JsonNode text = content(file.path(key));
            if (text.isValueNode() && !text.isNull()) {
                return text.asText();
            }
        }
        return defaultName;
    }

    /** The text of every special token that has no key of its own, in the order of the files. */
    List<String> furtherSpecialTokens() {
        List<String> names = new ArrayList<>();
        for (JsonNode file : List.of(config, map)) {
            // Since transformers 5 they are extra. Before that, the extra ones had names.
            for (String key : List.of("additional_special_tokens", "extra_special_tokens")) {
                file.path(key).forEach(token -> names.add(content(token).asText()));
            }
        }
        return names;
    }

    /** Older files store {"content": "[PAD]", "lstrip": …} instead of the text alone. */
    private static JsonNode content(JsonNode token) {
        return token.isObject() ? token.path("content") : token;
    }
}
