package org.sparklora.worker.encoder.roberta;

import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderParts;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.EncoderSizes.Defaults;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.bert.BertEmbeddings;
import org.sparklora.worker.encoder.bert.BertLayer;
import org.sparklora.worker.encoder.bert.LayerPaths;

/**
 * RoBERTa, XLM-RoBERTa and CamemBERT: positions start at {@code pad_token_id} + 1; every token has type 0, also in a second
 * text, because RoBERTa's tokenizers pass no token types to the model; there is no pooler. The head applies {@code
 * classifier.dense}, tanh and {@code classifier.out_proj} to the first token.
 */
public final class RobertaEncoder {

    private static final EncoderNames NAMES = new EncoderNames("roberta.", "encoder.layer.");

    private RobertaEncoder() {}

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static Encoder of(EncoderConfig config, HeadInput headInput) {
        int pad = config.notNegative("pad_token_id", 1);
        EncoderSizes sizes = EncoderSizes.ofBert(config, OptionalInt.of(pad), Defaults.BERT);
        EncoderParts<?> parts = new EncoderParts<>(
                new BertEmbeddings(sizes, NAMES), BertLayer.all(sizes, NAMES, LayerPaths::ofBert), Optional.empty());
        return new Encoder(sizes, NAMES, parts, HeadLayers.ofRoberta(sizes.hidden(), Activation.TANH), headInput);
    }
}
