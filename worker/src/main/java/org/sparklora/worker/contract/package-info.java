/**
 * Immutable values that cross JVMs: what the driver sends to the workers, and what they return.
 *
 * <p>Open {@link org.sparklora.worker.contract.EpochPlan} first; it refers to all others.
 *
 * <p>Vocabulary: a <em>module</em> is one Linear of the encoder with a LoRA pair; a <em>group</em> is a named set of modules
 * that is dormant, live or frozen as a whole; a <em>tensor</em> is one trainable array, with PEFT's name for it without
 * {@code base_model.model.}; a <em>shard</em> is one of S fixed parts of the data, whatever the number of executors.
 *
 * <p>Invariants: this package imports the JDK only. Groups are ordered by name and tensors by name, everywhere: sums, norms,
 * files and digests rely on it.
 */
@NullMarked
package org.sparklora.worker.contract;

import org.jspecify.annotations.NullMarked;
