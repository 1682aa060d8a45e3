package org.sparklora.driver.model.export;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a server must know beyond the model.
 *
 * @param maxLength tokens of a text, beyond which it is cut, as in training
 * @param pairs whether the model was trained on pairs of texts
 */
public record Serving(int maxLength, boolean pairs) {

    /**
     * serving.properties of DJL. Its translator of classifications takes single texts; pairs go through the one for
     * "reranking", which gives a model's outputs as they are once its sigmoid is off.
     */
    byte[] properties(boolean tokenTypes) {
        Map<String, String> properties = new TreeMap<>(Map.of(
                "engine", "PyTorch",
                "includeTokenTypes", Boolean.toString(tokenTypes),
                "maxLength", Integer.toString(maxLength),
                // Else DJL cuts at 512, whatever maxLength says.
                "modelMaxLength", Integer.toString(maxLength),
                "padding", "true",
                "translatorFactory", "ai.djl.huggingface.translator.TextClassificationTranslatorFactory",
                "truncation", "true"));
        if (pairs) {
            properties.put("reranking", "true");
            properties.put("sigmoid", "false");
        }
        StringBuilder text = new StringBuilder();
        properties.forEach(
                (key, value) -> text.append(key).append('=').append(value).append('\n'));
        return text.toString().getBytes(StandardCharsets.ISO_8859_1);
    }
}
