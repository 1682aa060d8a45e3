/**
 * Schedule files of Lightning's finetuning-scheduler, and what they mean in a job file.
 *
 * <p>Open {@link org.sparklora.driver.job.fts.FtsConversion} first. A schedule is read ({@link
 * org.sparklora.driver.job.fts.FtsSchedule}), the parameters that it names become modules of the model ({@code
 * FtsModules}), phases become groups and their ends a policy ({@code FtsTiming}).
 *
 * <p>Invariant: the output is a job file's {@code lora.groups} and {@code schedule}; comments name every part of the
 * schedule that those sections cannot express.
 */
@NullMarked
package org.sparklora.driver.job.fts;

import org.jspecify.annotations.NullMarked;
