/**
 * The job file: YAML in, one checked {@link org.sparklora.driver.job.config.JobConfig} out, or every problem at once.
 *
 * <p>Open {@link org.sparklora.driver.job.config.JobKeyTable} first: it reads the list of all keys, {@code
 * job-keys.txt}. {@link
 * org.sparklora.driver.job.config.JobFile} parses the text to a tree and applies {@code --set}. {@link
 * org.sparklora.driver.job.config.JobReader} reads the tree section by section with the types of the table, and checks what
 * concerns more than one key.
 *
 * <p>Each record has the keys of one section as its components, in camel case and in the file's order, so some records have
 * more than five. The records hold resolved values: defaults filled in, a group's rank inherited, paths absolute.
 *
 * <p>Invariants: {@code JobFile} reads what {@link org.sparklora.driver.job.config.ResolvedYaml} writes to an equal record.
 * Nothing here opens the model or the data.
 */
@NullMarked
package org.sparklora.driver.job.config;

import org.jspecify.annotations.NullMarked;
