package org.sparklora.worker.encoder.bert;

import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.HeadLayers.Inner;
import org.sparklora.worker.encoder.LayerPaths;

/** BERT: positions from 0, token types, a tanh pooler on the first token, and {@code classifier} above that. */
public final class BertEncoder {

    private static final String POOLER = "bert.pooler.dense";
    private static final EncoderNames NAMES =
            new EncoderNames("bert.", "encoder.layer.", LayerPaths::ofBert, Optional.of(POOLER));
    private static final EncoderNames NAMES_WITHOUT_POOLER =
            new EncoderNames("bert.", "encoder.layer.", LayerPaths::ofBert, Optional.empty());

    private BertEncoder() {}

    /**
     * The encoder of a configuration; refuses variants that would compute something else.
     *
     * @param pooler whether the checkpoint has a pooler; otherwise it is a layer of the head and trains
     */
    public static Encoder of(EncoderConfig config, HeadInput headInput, boolean pooler) {
        EncoderSizes sizes = EncoderSizes.ofBert(config, OptionalInt.empty());
        if (pooler) {
            return new Encoder(sizes, NAMES, HeadLayers.classifier(sizes.hidden()), headInput);
        }
        Inner trained = new Inner("pooler", POOLER, Activation.TANH, false);
        HeadLayers head = new HeadLayers(sizes.hidden(), Optional.of(trained), "classifier");
        return new Encoder(sizes, NAMES_WITHOUT_POOLER, head, headInput);
    }

    /** The same for heads that read the first token and a checkpoint with a pooler. */
    public static Encoder of(EncoderConfig config) {
        return of(config, HeadInput.FIRST_TOKEN, true);
    }
}
