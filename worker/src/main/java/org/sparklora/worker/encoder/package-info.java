/**
 * What encoders share. Open {@link org.sparklora.worker.encoder.Encoder} first; each architecture has a folder of its
 * own below this one, and a line in {@link org.sparklora.worker.encoder.Architectures}. What a layer computes is written
 * once, in {@link org.sparklora.worker.encoder.PostNormEncoder}; an architecture adds names and sizes.
 *
 * <p>Shapes: B sequences, S tokens, H hidden size, N heads, D = H / N. Activations travel flat as [B·S, H], so that a
 * Linear is one matrix product.
 *
 * <p>Invariant: the base weights are read-only, memory-mapped where the file holds float32, loaded once per JVM and
 * shared by all threads; their names are Hugging Face's, whatever spelling the file uses.
 */
@NullMarked
package org.sparklora.worker.encoder;

import org.jspecify.annotations.NullMarked;
