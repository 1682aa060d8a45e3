package org.sparklora.driver.model.export;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.sparklora.driver.job.text.Resource;

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
        // Without modelMaxLength, DJL truncates at 512 whatever maxLength says.
        Map<String, String> values = Map.of(
                "tokenTypes", Boolean.toString(tokenTypes),
                "maxLength", Integer.toString(maxLength),
                "pairs", pairs ? "reranking=true\nsigmoid=false\n" : "");
        return Resource.filled(Serving.class, "serving.properties", values).getBytes(StandardCharsets.ISO_8859_1);
    }
}
