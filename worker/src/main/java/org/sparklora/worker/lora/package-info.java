/**
 * LoRA on top of frozen Linears, with PEFT's names and semantics. Open {@link org.sparklora.worker.lora.LoraVariant} first:
 * a variant is one class, such as {@link org.sparklora.worker.lora.PlainLora}, and {@link
 * org.sparklora.worker.lora.LoraVariants} maps settings to variants. {@link
 * org.sparklora.worker.lora.AdapterRegistry} holds the layers of one forward pass; {@link
 * org.sparklora.worker.lora.LinearByHead} computes keys and values for attention with one query per row.
 *
 * <p>Invariants: an uninitialized group has no layer here at all. A frozen group has arrays without gradients. Only a
 * trainable group has leaves and dropout.
 */
@NullMarked
package org.sparklora.worker.lora;

import org.jspecify.annotations.NullMarked;
