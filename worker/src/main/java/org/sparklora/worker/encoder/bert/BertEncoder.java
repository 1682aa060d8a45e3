package org.sparklora.worker.encoder.bert;

import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.LayerPaths;

/** BERT: positions from 0, token types, a tanh pooler on the first token, and {@code classifier} above that. */
public final class BertEncoder {

    private static final EncoderNames NAMES =
            new EncoderNames("bert.", "encoder.layer.", LayerPaths::ofBert, Optional.of("bert.pooler.dense"));

    private BertEncoder() {}

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static Encoder of(EncoderConfig config, HeadInput headInput) {
        EncoderSizes sizes = EncoderSizes.ofBert(config, OptionalInt.empty());
        return new Encoder(sizes, NAMES, HeadLayers.classifier(sizes.hidden()), headInput);
    }

    /** The same for heads that read the first token. */
    public static Encoder of(EncoderConfig config) {
        return of(config, HeadInput.FIRST_TOKEN);
    }
}
