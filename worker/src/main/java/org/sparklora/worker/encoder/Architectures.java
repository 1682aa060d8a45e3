package org.sparklora.worker.encoder;

import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.encoder.distilbert.DistilBertEncoder;
import org.sparklora.worker.encoder.roberta.RobertaEncoder;

/** Looks an encoder up by the {@code model_type} of its config.json. A new architecture adds one line. */
public final class Architectures {

    private Architectures() {}

    /** The encoder that a configuration describes, for heads that read so. */
    public static Encoder of(EncoderConfig config, HeadInput reading) {
        String type = config.modelType();
        return switch (type) {
            case "bert" -> BertEncoder.of(config, reading);
            case "distilbert" -> DistilBertEncoder.of(config, reading);
            case "roberta", "xlm-roberta" -> RobertaEncoder.of(config, reading);
            default ->
                throw config.problem("model_type '" + type
                        + "' is not supported; this version fine-tunes: bert, distilbert, roberta, xlm-roberta");
        };
    }
}
