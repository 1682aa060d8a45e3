/**
 * From the job's group definitions to the manifest of a run: which modules of the model belong to which group.
 *
 * <p>Open {@link org.sparklora.driver.job.manifest.ManifestBuilder} first; it asks
 * {@link org.sparklora.driver.job.manifest.ModuleMatcher} for the modules of each group, and
 * {@link org.sparklora.driver.job.manifest.ManifestJson} writes and reads {@code manifest.json}.
 *
 * <p>A list of names matches as current PEFT matches it: the whole name, or its end after a dot. PEFT 0.3.0 took any
 * string ending, so {@code 0.attention.self.query} also adapted layer 10; here it never does, and
 * {@link org.sparklora.driver.job.manifest.PeftTraps} warns of such job files.
 *
 * <p>A value that groups inherit carries its path in the job file ({@link
 * org.sparklora.driver.job.manifest.JobValue}): {@code lora.rank_pattern} is checked against all groups that inherit it and is
 * reported once, under its own key.
 *
 * <p>Invariants: a module is in at most one group; every entry of a job's module lists matches
 * something, or the job is refused with all problems in one message. Knows neither Spark nor DJL: the model side hands in
 * the list of its Linears.
 */
@NullMarked
package org.sparklora.driver.job.manifest;

import org.jspecify.annotations.NullMarked;
