/**
 * Reads and writes PEFT adapter directories without Python: {@code adapter_config.json} next to {@code
 * adapter_model.safetensors} or {@code adapter_model.bin}.
 *
 * <p>Open {@link org.sparklora.driver.model.peft.PeftAdapter} first; {@link
 * org.sparklora.driver.model.peft.PeftAdapterWriter} is its counterpart.
 *
 * <p>PEFT 0.3.0 and current PEFT spell biases and the head differently. Inside spark-lora there is one spelling, which is
 * PEFT's key without {@code base_model.model.}: {@code <module>.lora_A.weight}, {@code <module>.bias}, {@code
 * classifier.weight}. Only this package knows the others.
 *
 * <p>Invariants: settings that spark-lora does not support (DoRA, transposed weights, …) are refused by name and never
 * ignored, so an adapter that loads computes what PEFT computes. Written files load in both PEFT versions, and equal
 * adapters give equal bytes.
 */
@NullMarked
package org.sparklora.driver.model.peft;

import org.jspecify.annotations.NullMarked;
