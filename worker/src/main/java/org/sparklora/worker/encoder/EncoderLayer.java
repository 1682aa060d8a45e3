package org.sparklora.worker.encoder;

import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.encoder.Encoder.Multiplied;
import org.sparklora.worker.engine.Variable;

/**
 * One layer. {@link Encoder} runs it and closes what it leaves in the manager of its input.
 *
 * @param <C> what all layers of a batch share, see {@link Embeddings#shared}
 */
public interface EncoderLayer<C> extends EncoderPart {

    /** x [B·S, H] to [B·S, H]. */
    Variable everyToken(ForwardPass pass, Variable x, C shared);

    /**
     * The same for the first token of each sequence only: x [B·S, H] to [B, H]. The first token attends to every token, but no
     * other token is multiplied with a weight.
     */
    Variable firstToken(ForwardPass pass, Variable x, C shared);

    /** What the weight of a Linear is multiplied with in {@link #firstToken}. */
    Multiplied inFirstToken(String path);

    /** Whether a Linear multiplies the layer's input, as it is or normalized. */
    boolean readsInput(String path);

    /** Whether a Linear multiplies vectors that all rows of a batch share, such as those of positions. */
    default boolean isSharedByRows(String path) {
        return false;
    }

    /** Operations of attention's own products for a row of S tokens. */
    double attention(int length, boolean firstTokenAlone);

    /** Bytes that are kept for a row until backward has passed the layer; see {@link EncoderWork#keptBytes}. */
    double keptBytes(int length, boolean firstTokenAlone, Precision precision);

    /** TorchScript: whole methods of the class that {@link #script} calls; layers that share them return equal text. */
    String methods();

    /**
     * TorchScript: statements of {@code forward} that set a variable to the layer's output.
     *
     * @param x variable of the layer's input [B, S, H]
     * @param asking that variable too; or that of the first token [B, 1, H], if no other token is read any more
     * @param result the variable that is set: it has the shape of {@code asking}
     */
    String script(String x, String asking, String result);
}
