/**
 * The command line: {@link org.sparklora.driver.app.Main} is what {@code spark-submit} starts. One class a command;
 * {@link org.sparklora.driver.training.TrainingRun} puts a run together from its job file.
 *
 * <p>Invariant: whatever goes wrong becomes one line that a person can act on and the exit code of the contract, and
 * is written to {@code status.json} once the job file has named a run directory; a run that is to be overwritten
 * stays until all inputs of the new one have been checked.
 */
@NullMarked
package org.sparklora.driver.app;

import org.jspecify.annotations.NullMarked;
