package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import java.io.Serializable;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.encoder.HeadInput;

/**
 * A task: its number of outputs, the head's input and the loss. The layers of the head belong to the encoder, see {@link
 * org.sparklora.worker.encoder.HeadLayers}. Stateless.
 *
 * <p>Logits have M rows: B if the head reads the first token, B·S if it reads every token. Labels [B, L] are one per
 * sequence, C per sequence, or one per token.
 */
public interface TaskHead extends Serializable {

    /** C, columns of the logits. */
    int outputs();

    /** The same task with another number of outputs; a task whose number is fixed is returned as it is. */
    default TaskHead withOutputs(int outputs) {
        return this;
    }

    /** The part of the last layer's output that the head reads. */
    default HeadInput headInput() {
        return HeadInput.FIRST_TOKEN;
    }

    /**
     * The sum over the batch of each loss times its weight, one float32 value.
     *
     * @param logits [M, C]
     * @param labels [B, L] row-major: class index, the value to regress, 0 or 1 for each of C labels, or a class index
     *     for each token
     * @param weights [B]
     * @param loss what the loss has beside the plain one; for a regression nothing
     */
    NDArray lossSum(NDArray logits, float[] labels, float[] weights, LossSettings loss);

    /**
     * The sum of the weights of all losses in {@link #lossSum}: after the reduce, the loss sum is divided by it. Labels
     * [B, L], weights [B].
     */
    default double weight(float[] labels, float[] weights, LossSettings loss) {
        double sum = 0;
        for (float w : weights) {
            sum += w;
        }
        return sum;
    }

    /**
     * The sum of the plain losses of one example in double precision, for evaluation.
     *
     * @param logits the example's rows: [1, C], or one row for each label
     * @param labels the example's labels
     */
    double loss(float[] logits, float[] labels);
}
