package org.sparklora.worker.encoder.bert;

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
import org.sparklora.worker.encoder.HeadLayers.Inner;

/** BERT: positions from 0, token types, a tanh pooler on the first token, and {@code classifier} above that. */
public final class BertEncoder {

    private static final EncoderNames NAMES = new EncoderNames("bert.", "encoder.layer.");
    private static final String POOLER = "bert.pooler.dense";

    private BertEncoder() {}

    /**
     * The encoder of a configuration; refuses variants that would compute something else. Heads that read every token need no
     * pooler.
     *
     * @param pooler whether the checkpoint has a pooler; otherwise it is a layer of the head and trains
     */
    public static Encoder of(EncoderConfig config, HeadInput headInput, boolean pooler) {
        EncoderSizes sizes = EncoderSizes.ofBert(config, OptionalInt.empty(), Defaults.BERT);
        Inner trained = new Inner("pooler", POOLER, Activation.TANH, false);
        EncoderParts<?> parts = new EncoderParts<>(
                new BertEmbeddings(sizes, NAMES),
                BertLayer.all(sizes, NAMES, LayerPaths::ofBert),
                pooler && headInput == HeadInput.FIRST_TOKEN
                        ? Optional.of(new BertPooler(sizes.hidden(), POOLER, Activation.TANH))
                        : Optional.empty());
        HeadLayers head =
                new HeadLayers(sizes.hidden(), pooler ? Optional.empty() : Optional.of(trained), "classifier");
        return new Encoder(sizes, NAMES, parts, head, headInput);
    }

    /** The same for heads that read the first token and a checkpoint with a pooler. */
    public static Encoder of(EncoderConfig config) {
        return of(config, HeadInput.FIRST_TOKEN, true);
    }
}
