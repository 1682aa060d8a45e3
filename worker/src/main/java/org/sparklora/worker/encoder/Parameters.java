package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import java.util.Optional;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.lora.LoraVariant;

/** The weights that an encoder computes with: the base model's, overlaid with the adapter's tensors. */
public interface Parameters {

    /**
     * The weight of this Hugging Face name, in the checkpoint's shape.
     *
     * @throws IllegalArgumentException if no weight has that name
     */
    NDArray get(String name);

    /** The LoRA layer of this module path, if the module has one. */
    Optional<LoraVariant.Layer> lora(String path);

    /** The Linear of this module path, with its LoRA layer if it has one. x [M, in]; result [M, out]. */
    default NDArray linear(String path, NDArray x, KeyedDropout dropout) {
        NDArray weight = get(path + ".weight");
        NDArray bias = get(path + ".bias");
        Optional<LoraVariant.Layer> lora = lora(path);
        return lora.isPresent() ? lora.get().forward(x, weight, bias, dropout) : Ops.linear(x, weight, bias);
    }
}
