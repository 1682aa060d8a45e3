/**
 * ModernBERT (Warner et al. 2024, arXiv:2412.13663). Open {@link
 * org.sparklora.worker.encoder.modernbert.ModernBertEncoder} first; {@link
 * org.sparklora.worker.encoder.modernbert.ModernBertLayer} is the computation.
 *
 * <p>Layers normalize before each sublayer, so the sum that runs through all of them is normalized once at the end, by
 * {@code final_norm}. Positions turn queries and keys; there is no table of them. Most layers see a window of tokens only.
 *
 * <p>Invariant: a token sees no padding, in any layer. A padded token whose window holds padding only sees all tokens alike;
 * nothing reads it.
 */
@NullMarked
package org.sparklora.worker.encoder.modernbert;

import org.jspecify.annotations.NullMarked;
