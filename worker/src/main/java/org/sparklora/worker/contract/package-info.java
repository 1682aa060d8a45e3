/**
 * Immutable values that cross JVMs: what the driver tells the workers, and what they answer.
 *
 * <p>Open {@link org.sparklora.worker.contract.EpochPlan} first: it names all the rest.
 *
 * <p>Vocabulary: a <em>module</em> is one Linear of the encoder with a LoRA pair; a <em>group</em> is a named set of
 * modules that is dormant, live or frozen as a whole; a <em>tensor</em> is one trainable array, called by the name PEFT
 * gives it without the prefix {@code base_model.model.}; a <em>shard</em> is one of S fixed parts of the data, whatever
 * the number of executors.
 *
 * <p>Invariants: this package imports the JDK only. Groups are ordered by name and tensors by name, everywhere, always:
 * sums, norms, files and digests rely on it.
 */
@NullMarked
package org.sparklora.worker.contract;

import org.jspecify.annotations.NullMarked;
