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
    default Variable get(String name) {
        return find(name).orElseThrow(() -> new IllegalArgumentException("the model has no weight '" + name + "'"));
    }

    /** The same; empty if no weight has that name, such as the bias of a module without one. */
    Optional<Variable> find(String name);

    /** The graph of the pass. */
    Graph graph();

    /** The LoRA layer of this module path, if the module has one. */
    Optional<LoraVariant.Layer> lora(String path);
}
