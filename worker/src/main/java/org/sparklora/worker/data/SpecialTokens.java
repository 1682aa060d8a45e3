package org.sparklora.worker.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/** Names of the special tokens: from tokenizer_config.json, else special_tokens_map.json, else BERT's own. */
final class SpecialTokens {

    private SpecialTokens() {}

    /** A special token's text, by its key, e.g. {@code pad_token}; either file may be empty. */
    static String name(String key, String defaultName, JsonNode config, JsonNode map) {
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
}
