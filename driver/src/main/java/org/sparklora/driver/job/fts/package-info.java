/**
 * Schedule files of Lightning's finetuning-scheduler, and what they mean in a job file.
 *
 * <p>Open {@link org.sparklora.driver.job.fts.FtsConversion} first. A schedule is read ({@link
 * org.sparklora.driver.job.fts.FtsSchedule}), the parameters that it names become modules of the model ({@code
 * FtsModules}), phases become groups and their ends a policy ({@code FtsTiming}).
 *
 * <p>Invariant: what is printed is a job file's {@code lora.groups} and {@code schedule}; what of the schedule they cannot
 * say stands beside it as a comment, never nowhere.
 */
@NullMarked
package org.sparklora.driver.job.fts;

import org.jspecify.annotations.NullMarked;
