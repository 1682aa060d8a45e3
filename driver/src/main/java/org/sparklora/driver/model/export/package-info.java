/**
 * The doors out of a finished run: its adapter merged into the base model, as a Hugging Face directory ({@link
 * org.sparklora.driver.model.export.HuggingFaceExport}) or as a TorchScript archive that DJL serves ({@link
 * org.sparklora.driver.model.export.TorchScriptExport}).
 *
 * <p>Open {@link org.sparklora.driver.model.export.MergedWeights} first: both doors take their tensors from it, one at a time, so
 * memory holds a few tensors and never the model.
 *
 * <p>Invariants: a merged weight is W + B A s, computed in double precision and rounded once; everything else is the base's
 * own value, or the run's. The base is only read. Equal runs give equal bytes. {@code config.json} is written last: without
 * it a directory is no model, whatever interrupted the writing.
 */
@NullMarked
package org.sparklora.driver.model.export;

import org.jspecify.annotations.NullMarked;
