/**
 * What {@code torch.save} wrote, read without Python: {@code pytorch_model.bin} of base models, {@code adapter_model.bin} of
 * adapters. Open {@link org.sparklora.worker.pickle.TorchFile} first.
 *
 * <p>Invariant: reading never runs code from a file, whatever the file holds, and takes no memory that the file's content
 * does not account for.
 */
@NullMarked
package org.sparklora.worker.pickle;

import org.jspecify.annotations.NullMarked;
