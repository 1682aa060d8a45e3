/**
 * Reads what {@code torch.save} wrote without Python: {@code pytorch_model.bin} of base models, {@code adapter_model.bin}
 * of adapters. Open {@link org.sparklora.worker.pickle.TorchFile} first.
 *
 * <p>Invariant: reading never runs code from a file, whatever the file holds, and allocates no memory that the size of the
 * file does not justify.
 */
@NullMarked
package org.sparklora.worker.pickle;

import org.jspecify.annotations.NullMarked;
