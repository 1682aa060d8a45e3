package org.sparklora.driver.model.export;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * Settings of a server that are not in the model.
 *
 * @param maxLength maximum tokens of a text, as in training
 * @param pairs whether the model was trained on pairs of texts
 */
public record Serving(int maxLength, boolean pairs) {

    /**
     * DJL's serving.properties. DJL's classification translator takes single texts. Pairs use its "reranking" translator,
     * which returns the plain outputs once its sigmoid is off.
     */
    byte[] properties(boolean tokenTypes) {
        Map<String, String> properties = new TreeMap<>(Map.of(
                "engine", "PyTorch",
                "includeTokenTypes", Boolean.toString(tokenTypes),
                "maxLength", Integer.toString(maxLength),
                // Without it, DJL truncates at 512 whatever maxLength says.
                "modelMaxLength", Integer.toString(maxLength),
                "padding", "true",
                "translatorFactory", "ai.djl.huggingface.translator.TextClassificationTranslatorFactory",
                "truncation", "true"));
        if (pairs) {
            properties.put("reranking", "true");
            properties.put("sigmoid", "false");
        }
        StringBuilder text = new StringBuilder();
        properties.forEach((key, value) -> text.append(key + "=" + value + "\n"));
        return text.toString().getBytes(StandardCharsets.ISO_8859_1);
    }
}
