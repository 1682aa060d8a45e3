package org.sparklora.worker.head;

import ai.djl.ndarray.NDArray;
import java.io.Serializable;
import java.util.List;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.ForwardPass;

/** What turns the pooled output [B, H] into logits [B, C] and a loss. Stateless; names its own tensors. */
public interface TaskHead extends Serializable {

    /** Columns of the logits. */
    int outputs();

    /** The tensors that the head trains, ordered by name. */
    List<TensorSpec> tensors(int hiddenSize);

    /** pooled [B, H] to logits [B, C]. */
    NDArray logits(ForwardPass pass, NDArray pooled);

    /**
     * Sum over the batch of each example's loss times its weight.
     *
     * @param logits [B, C]
     * @param labels [B]: class index, or the value to regress
     * @param weights [B]
     * @param labelSmoothing share of the target spread evenly over all classes
     */
    NDArray lossSum(NDArray logits, float[] labels, float[] weights, double labelSmoothing);

    /** Loss of one example from its logits, in double precision, for evaluation. */
    double loss(float[] logits, float label);
}
