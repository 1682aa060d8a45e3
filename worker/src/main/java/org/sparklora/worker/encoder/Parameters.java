package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import java.util.Optional;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.lora.LoraLinear;

/** What an encoder computes with: base weights, overlaid with the tensors that train. */
public interface Parameters {

    /**
     * The weight of this Hugging Face name, in the checkpoint's shape.
     *
     * @throws IllegalArgumentException where there is none
     */
    NDArray get(String name);

    /** The Linear of this module path, with its LoRA pair if it has one. x [M, in]; result [M, out]. */
    NDArray linear(String path, NDArray x, KeyedDropout dropout);

    /** The LoRA pair of the Linear of this module path, if it has one. */
    Optional<LoraLinear> pair(String path);
}
