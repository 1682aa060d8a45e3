package org.sparklora.worker.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/** Names of the special tokens: from tokenizer_config.json, else special_tokens_map.json, else BERT's own. */
final class SpecialTokens {

    private SpecialTokens() {}

    /** A special token's text, by its key, e.g. {@code pad_token}; either file may be empty. */
    static String name(String key, String otherwise, JsonObject config, JsonObject map) {
        for (JsonObject file : new JsonObject[] {config, map}) {
            JsonElement value = file.get(key);
            // Older files store {"content": "[PAD]", "lstrip": …} instead of the text alone.
            if (value != null && value.isJsonObject()) {
                value = value.getAsJsonObject().get("content");
            }
            if (value != null && value.isJsonPrimitive()) {
                return value.getAsString();
            }
        }
        return otherwise;
    }
}
