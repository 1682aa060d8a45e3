package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.List;

/**
 * Names and shapes of the tensors that a LoRA variant trains for one module. Every variant implements it, as part of {@code
 * org.sparklora.worker.lora.LoraVariant}: this package cannot name that type, because it imports the JDK only.
 */
public interface ModuleTensors extends Serializable {

    /** The tensors of a module, by the names that PEFT gives them without its prefix. */
    List<TensorSpec> tensors(LoraModule module);

    /** Tensors that a module keeps from its first thaw on and that never train. They are neither saved in an adapter nor named by PEFT. */
    default List<TensorSpec> constants(LoraModule module) {
        return List.of();
    }
}
