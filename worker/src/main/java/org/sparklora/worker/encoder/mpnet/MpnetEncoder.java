package org.sparklora.worker.encoder.mpnet;

import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderParts;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.bert.BertLayer;
import org.sparklora.worker.encoder.bert.LayerPaths;
import org.sparklora.worker.encoder.bert.LayerPaths.Projections;
import org.sparklora.worker.encoder.bert.LayerPaths.Sublayer;

/**
 * MPNet: BERT's layers, with a bias of attention scores by distance that all layers share; positions as RoBERTa counts them, above
 * padding token 1 whatever the configuration says; no token types and no pooler. The head is RoBERTa's.
 */
public final class MpnetEncoder {

    private static final EncoderNames NAMES = new EncoderNames("mpnet.", "encoder.layer.");

    private MpnetEncoder() {}

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static Encoder of(EncoderConfig config, HeadInput headInput) {
        EncoderSizes sizes =
                EncoderSizes.ofBert(config, OptionalInt.of(1), new EncoderSizes.Defaults(768, 12, 3072, false));
        int rows = config.positive("relative_attention_num_buckets", RelativeEmbeddings.BUCKETS);
        if (rows < RelativeEmbeddings.BUCKETS) {
            throw config.problem("relative_attention_num_buckets is " + rows + ", but MPNet computes with "
                    + RelativeEmbeddings.BUCKETS + " buckets; use a model whose table has that many");
        }
        EncoderParts<?> parts = new EncoderParts<>(
                new RelativeEmbeddings(sizes, NAMES, rows),
                BertLayer.all(sizes, NAMES, MpnetEncoder::layerNames),
                Optional.empty());
        return new Encoder(sizes, NAMES, parts, HeadLayers.ofRoberta(sizes.hidden(), Activation.TANH), headInput);
    }

    private static LayerPaths layerNames(String prefix) {
        String attention = prefix + "attention.";
        String output = prefix + "output.";
        return new LayerPaths(
                attention + "attn.dropout",
                new Projections(attention + "attn.q", attention + "attn.k", attention + "attn.v"),
                new Sublayer(attention + "attn.o", Optional.of(attention + "dropout"), attention + "LayerNorm"),
                prefix + "intermediate.dense",
                new Sublayer(output + "dense", Optional.of(output + "dropout"), output + "LayerNorm"));
    }
}
