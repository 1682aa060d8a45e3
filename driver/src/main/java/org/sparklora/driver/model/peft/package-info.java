/**
 * PEFT adapter directories, read and written without Python: {@code adapter_config.json} next to {@code
 * adapter_model.safetensors} or {@code adapter_model.bin}.
 *
 * <p>Open {@link org.sparklora.driver.model.peft.PeftAdapter} first; {@link org.sparklora.driver.model.peft.PeftAdapterWriter}
 * is its counterpart, and {@link org.sparklora.driver.model.peft.TorchPickle} reads what {@code torch.save} wrote.
 *
 * <p>PEFT 0.3.0 and current PEFT spell biases and the head differently. Inside spark-lora there is one spelling: PEFT's
 * key without {@code base_model.model.}, {@code <module>.lora_A.weight}, {@code <module>.bias}, {@code
 * classifier.weight}; only this package knows the others.
 *
 * <p>Invariants: reading never runs code from a file, whatever the file holds. What these directories can say and
 * spark-lora cannot do (DoRA, transposed weights, …) is refused by name, never dropped: an adapter that loads computes
 * what PEFT computes. Written files load in both PEFT versions, and equal adapters give equal bytes.
 */
@NullMarked
package org.sparklora.driver.model.peft;

import org.jspecify.annotations.NullMarked;
