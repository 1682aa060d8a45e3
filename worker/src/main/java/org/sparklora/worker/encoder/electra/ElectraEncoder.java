package org.sparklora.worker.encoder.electra;

import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.encoder.Embeddings;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderParts;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertEmbeddings;
import org.sparklora.worker.encoder.bert.BertLayer;
import org.sparklora.worker.encoder.bert.LayerPaths;

/**
 * ELECTRA: BERT's layers, above embeddings of a width of their own; no pooler. The head applies {@code classifier.dense}, GELU and
 * {@code classifier.out_proj} to the first token. That GELU is the exact one, whatever {@code hidden_act} says.
 */
public final class ElectraEncoder {

    private static final EncoderNames NAMES = new EncoderNames("electra.", "encoder.layer.");

    private ElectraEncoder() {}

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static Encoder of(EncoderConfig config, HeadInput headInput) {
        EncoderSizes sizes =
                EncoderSizes.ofBert(config, OptionalInt.empty(), new EncoderSizes.Defaults(256, 4, 1024, true));
        int width = config.positive("embedding_size", 128);
        Embeddings<Tokens> embeddings = width == sizes.hidden()
                ? new BertEmbeddings(sizes, NAMES)
                : new ProjectedEmbeddings(sizes, NAMES, width);
        EncoderParts<?> parts =
                new EncoderParts<>(embeddings, BertLayer.all(sizes, NAMES, LayerPaths::ofBert), Optional.empty());
        return new Encoder(sizes, NAMES, parts, HeadLayers.ofRoberta(sizes.hidden(), Activation.GELU), headInput);
    }
}
