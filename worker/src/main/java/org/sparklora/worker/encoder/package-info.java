/**
 * Encoders of the BERT family. Open {@link org.sparklora.worker.encoder.Encoder} first: what all architectures share. Each
 * architecture has a folder below this one and a line in {@link org.sparklora.worker.encoder.Architectures}; it brings its {@link
 * org.sparklora.worker.encoder.Embeddings}, its {@link org.sparklora.worker.encoder.EncoderLayer}, names, sizes and head. The parts
 * of BERT serve its relatives too.
 *
 * <p>Shapes: B sequences, S tokens, H hidden size, N heads, D = H / N. Activations are flat, [B·S, H], so a Linear is one
 * matrix product.
 *
 * <p>Invariant: the base weights are read-only, memory-mapped if the file holds float32, loaded once per JVM and shared by
 * all threads. They have Hugging Face's current names, whatever spelling the file uses.
 */
@NullMarked
package org.sparklora.worker.encoder;

import org.jspecify.annotations.NullMarked;
