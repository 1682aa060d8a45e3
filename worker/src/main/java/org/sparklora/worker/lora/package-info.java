/**
 * LoRA pairs on top of frozen Linears (Hu et al. 2021, arXiv:2106.09685), with PEFT's names and semantics. Open {@link
 * org.sparklora.worker.lora.LoraLinear} first, then {@link org.sparklora.worker.lora.AdapterRegistry}, which holds the
 * pairs of one forward pass; {@link org.sparklora.worker.lora.LinearByHead} computes the same for attention of one query.
 *
 * <p>Invariants: a dormant group has no adapter here at all; a frozen one has arrays without gradient; only a live one
 * has leaves and drops out.
 */
@NullMarked
package org.sparklora.worker.lora;

import org.jspecify.annotations.NullMarked;
