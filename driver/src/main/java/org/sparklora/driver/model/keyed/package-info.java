/**
 * The adapters of a run that trains one for each key ({@code data.adapter}), thousands of them in few files.
 *
 * <p>Open {@link org.sparklora.driver.model.keyed.AdapterPack} first. A run directory has {@code adapters/index.json}, which is
 * an {@link org.sparklora.driver.model.keyed.AdapterIndex}, and packed safetensors files with tensors {@code ID/NAME}.
 *
 * <p>Invariants: no file is named by a key, which may be any text. The tensors of an adapter lie side by side, so that one is
 * read without the others. A file of a pack never changes once the index names it.
 */
@NullMarked
package org.sparklora.driver.model.keyed;

import org.jspecify.annotations.NullMarked;
