/**
 * From the job's group definitions to the manifest of a run: which modules of the model belong to which group.
 *
 * <p>Open {@link org.sparklora.driver.job.manifest.ManifestBuilder} first; it asks
 * {@link org.sparklora.driver.job.manifest.ModuleMatcher} for the modules of each group, and
 * {@link org.sparklora.driver.job.manifest.ManifestJson} writes and reads {@code manifest.json}.
 *
 * <p>A list of names matches as current PEFT matches it: the whole name, or its end after a dot. PEFT 0.3.0 took any
 * string ending, so {@code 0.attention.self.query} also adapted layer 10; here it never does, and
 * {@link org.sparklora.driver.job.manifest.PeftTraps} tells whoever brings such a recipe along.
 *
 * <p>A value that groups inherit travels with its place in the job file ({@link
 * org.sparklora.driver.job.manifest.JobValue}): {@code lora.rank_pattern} is checked against all its heirs together and is
 * complained of once, under its own key.
 *
 * <p>Invariants: a module is in at most one group; what a job says about modules is either matched completely or
 * refused with every problem in one message, never partly ignored. Knows neither Spark nor DJL: the model side hands in
 * the list of its Linears.
 */
@NullMarked
package org.sparklora.driver.job.manifest;

import org.jspecify.annotations.NullMarked;
