/**
 * The job file: YAML in, one checked {@link org.sparklora.driver.job.config.JobConfig} out, or every problem at once.
 *
 * <p>Open {@link org.sparklora.driver.job.config.JobFile} first. The text becomes a tree of maps, lists and
 * {@link org.sparklora.driver.job.config.YamlScalar scalars} as written; {@code --set} changes the tree; {@link
 * org.sparklora.driver.job.config.Section} takes typed values out of it and notes what is wrong with them.
 *
 * <p>Each record mirrors one section of the file: its components are that section's keys in camel case, in the file's
 * order, and hence sometimes more than five. The records hold resolved values (defaults filled in, a group's rank
 * inherited, paths absolute) and are checked by the reader, which knows the file and the key, not by themselves.
 * What names modules ({@link org.sparklora.driver.job.manifest.ModulePattern}, {@link
 * org.sparklora.driver.job.manifest.PatternMap}) belongs to the package that gives it its meaning.
 *
 * <p>Invariants: {@code JobFile} reads what {@link org.sparklora.driver.job.config.ResolvedYaml} writes to an equal record.
 * Nothing here looks into the model or the data: what needs them is checked where they are read, with other exit codes.
 */
@NullMarked
package org.sparklora.driver.job.config;

import org.jspecify.annotations.NullMarked;
