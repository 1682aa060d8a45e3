package org.sparklora.worker.encoder;

import org.sparklora.worker.engine.Variable;

/** What an architecture computes between the last layer and the head, and does not train with the head. */
public interface Pooler extends EncoderPart {

    /** What it reads of the last layer for heads of whole sequences. */
    HeadInput reads();

    /** x, [B, H] or [B·S, H] as it {@link #reads}, to [B, H]; to [B·S, H] if the heads read every token. */
    Variable pool(ForwardPass pass, Variable x, Tokens tokens);

    /** The hidden state that transformers gives out last, from the last layer's output: the same, unless it is normalized. */
    default Variable lastHidden(ForwardPass pass, Variable x) {
        return x;
    }

    /** Bytes that are kept for a row of S tokens until backward has passed the pooler. */
    double keptBytes(int length);

    /** TorchScript: the expression of [B, H], from that of what it {@link #reads}: [B, H], or [B, S, H] with a mask beside it. */
    String script(String x);
}
