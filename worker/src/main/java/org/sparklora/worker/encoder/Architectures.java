package org.sparklora.worker.encoder;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.encoder.deberta.DebertaEncoder;
import org.sparklora.worker.encoder.distilbert.DistilBertEncoder;
import org.sparklora.worker.encoder.electra.ElectraEncoder;
import org.sparklora.worker.encoder.modernbert.ModernBertEncoder;
import org.sparklora.worker.encoder.mpnet.MpnetEncoder;
import org.sparklora.worker.encoder.roberta.RobertaEncoder;

/** Looks an encoder up by the {@code model_type} of its config.json. A new architecture adds one line here. */
public final class Architectures {

    private static final Map<String, Architecture> BY_TYPE = new TreeMap<>(Map.of(
            "bert", new Architecture("Bert", BertEncoder::of),
            "camembert", new Architecture("Camembert", RobertaEncoder::of),
            "deberta-v2", new Architecture("DebertaV2", DebertaEncoder::of),
            "distilbert", new Architecture("DistilBert", DistilBertEncoder::of),
            "electra", new Architecture("Electra", ElectraEncoder::of),
            "modernbert", new Architecture("ModernBert", ModernBertEncoder::of),
            "mpnet", new Architecture("MPNet", MpnetEncoder::of),
            "roberta", new Architecture("Roberta", RobertaEncoder::of),
            "xlm-roberta", new Architecture("XLMRoberta", RobertaEncoder::of)));

    /**
     * An architecture.
     *
     * @param className how the names of its classes in transformers begin
     */
    private record Architecture(String className, Factory factory) {

        /** One that is the same whether the checkpoint has a pooler or not. */
        Architecture(String className, BiFunction<EncoderConfig, HeadInput, Encoder> factory) {
            this(className, (config, headInput, pooler) -> factory.apply(config, headInput));
        }
    }

    private interface Factory {
        Encoder of(EncoderConfig config, HeadInput headInput, boolean pooler);
    }

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
        return of(config).factory().of(config, headInput, pooler);
    }

    /** How the names of the architecture's classes in transformers begin, e.g. {@code Bert}. */
    public static String className(EncoderConfig config) {
        return of(config).className();
    }

    private static Architecture of(EncoderConfig config) {
        Architecture found = BY_TYPE.get(config.modelType());
        if (found == null) {
            throw config.unsupported("model_type '" + config.modelType()
                    + "' is not supported; this version fine-tunes: " + String.join(", ", BY_TYPE.keySet())
                    + (config.modelType().equals("deberta")
                            ? ". DeBERTa's first version has one Linear for query, key and value; use version 2 or 3"
                            : ""));
        }
        return found;
    }
}
