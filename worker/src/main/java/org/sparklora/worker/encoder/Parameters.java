package org.sparklora.worker.encoder;

import java.util.Optional;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.LoraVariant;

/** The weights that an encoder computes with: the base model's, overlaid with the adapter's tensors. */
public interface Parameters {

    /**
     * The weight of this Hugging Face name, in the checkpoint's shape.
     *
     * @throws IllegalArgumentException if no weight has that name
     */
    Variable get(String name);

    /** The graph of the pass. */
    Graph graph();

    /** The LoRA layer of this module path, if the module has one. */
    Optional<LoraVariant.Layer> lora(String path);
}
