package org.sparklora.driver.job.manifest;

import java.util.List;
import org.sparklora.worker.contract.TensorSpec;

/**
 * What the model side says about a model.
 *
 * @param linears Linears of the encoder that can be adapted, and tables of embeddings
 * @param head tensors of the task head
 * @param encoderBiases every bias of the encoder, LayerNorm's included
 */
public record ModelTensors(List<LinearModule> linears, List<TensorSpec> head, List<TensorSpec> encoderBiases) {

    public ModelTensors {
        linears = List.copyOf(linears);
        head = List.copyOf(head);
        encoderBiases = List.copyOf(encoderBiases);
    }
}
