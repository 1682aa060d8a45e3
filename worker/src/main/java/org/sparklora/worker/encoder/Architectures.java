package org.sparklora.worker.encoder;

import org.sparklora.worker.encoder.bert.BertEncoder;

/** Looks an encoder up by the {@code model_type} of its config.json. A new architecture adds one line. */
public final class Architectures {

    private Architectures() {}

    /** The encoder that a configuration describes. */
    public static Encoder of(EncoderConfig config) {
        String type = config.modelType();
        return switch (type) {
            case "bert" -> BertEncoder.of(config);
            default ->
                throw config.problem("model_type '" + type + "' is not supported; this version fine-tunes: bert");
        };
    }
}
