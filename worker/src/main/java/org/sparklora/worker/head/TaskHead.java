package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import java.io.Serializable;
import org.sparklora.worker.encoder.HeadInput;

/**
 * What a task wants of an encoder and how far from it logits are: the number of outputs, what of the last layer they are
 * made of, and the loss. The layers that make them are the encoder's, {@link org.sparklora.worker.encoder.HeadLayers}.
 * Stateless.
 *
 * <p>Rows of logits, M: B where the first token is read, B·S where every token is. Labels [B, L] are one a sequence, C of
 * it, or one a token.
 */
public interface TaskHead extends Serializable {

    /** C, columns of the logits. */
    int outputs();

    /** What of the last layer the logits are made of. */
    default HeadInput reading() {
        return HeadInput.FIRST_TOKEN;
    }

    /**
     * Sum over the batch of each loss times its weight, one float32 value.
     *
     * @param logits [M, C]
     * @param labels [B, L] row-major: class index, the value to regress, 0 or 1 for each of C labels, or a class index
     *     for each token
     * @param weights [B]
     * @param labelSmoothing share of the target spread evenly over all classes, [0, 1)
     * @throws IllegalArgumentException where it smooths labels that cannot be
     */
    NDArray lossSum(NDArray logits, float[] labels, float[] weights, double labelSmoothing);

    /**
     * What the sum of losses is to be divided by, in the end: the weights of all that it is a sum of. Labels [B, L],
     * weights [B].
     */
    default double weight(float[] labels, float[] weights) {
        double sum = 0;
        for (float w : weights) {
            sum += w;
        }
        return sum;
    }

    /**
     * Sum of the losses of one example in double precision, for evaluation.
     *
     * @param logits its rows, [1, C], or one for each of its labels
     * @param labels its own
     */
    double loss(float[] logits, float[] labels);
}
