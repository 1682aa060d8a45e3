/**
 * Exports a finished run with its adapter merged into the base model: as a Hugging Face directory ({@link
 * org.sparklora.driver.model.export.HuggingFaceExport}) or as a TorchScript archive that DJL serves ({@link
 * org.sparklora.driver.model.export.TorchScriptExport}).
 *
 * <p>Open {@link org.sparklora.driver.model.export.MergedWeights} first. Both exports take their tensors from it one at a
 * time, so memory never holds the whole model.
 *
 * <p>Invariants: a merged weight is computed in double precision and rounded once; all other values are the base's or the
 * run's own. The base is only read. Equal runs give equal bytes. {@code config.json} is written last, so an interrupted
 * export never looks like a model.
 */
@NullMarked
package org.sparklora.driver.model.export;

import org.jspecify.annotations.NullMarked;
