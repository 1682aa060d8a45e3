package org.sparklora.worker.encoder;

import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.encoder.distilbert.DistilBertEncoder;
import org.sparklora.worker.encoder.roberta.RobertaEncoder;

/** Looks an encoder up by the {@code model_type} of its config.json. A new architecture adds one line here. */
public final class Architectures {

    private Architectures() {}

    /** The encoder that a configuration describes, for heads with this input and a checkpoint with a pooler. */
    public static Encoder of(EncoderConfig config, HeadInput headInput) {
        return of(config, headInput, true);
    }

    /**
     * The same.
     *
     * @param pooler whether the checkpoint has a pooler. One of a masked language model has none: BERT's head then includes it
     */
    static Encoder of(EncoderConfig config, HeadInput headInput, boolean pooler) {
        config.requireEncoder();
        String type = config.modelType();
        return switch (type) {
            case "bert" -> BertEncoder.of(config, headInput, pooler);
            case "distilbert" -> DistilBertEncoder.of(config, headInput);
            case "roberta", "xlm-roberta" -> RobertaEncoder.of(config, headInput);
            default ->
                throw config.unsupported("model_type '" + type
                        + "' is not supported; this version fine-tunes: bert, distilbert, roberta, xlm-roberta");
        };
    }
}
