/**
 * Puts a training run together: model, data, policy, cluster and run directory. Open {@link
 * org.sparklora.driver.training.TrainingRun} first; it shows a run from top to bottom.
 *
 * <p>Both the command line ({@code driver.app}) and the Spark ML estimators ({@code driver.ml}) start runs here, so equal jobs
 * give equal runs. {@link org.sparklora.driver.training.TrainedRun} reads a finished run again.
 *
 * <p>Invariants: every failure is written to {@code status.json} with the exit code and message of {@link
 * org.sparklora.driver.training.ExitCode}; a run that is to be overwritten stays until all inputs of the new one were checked.
 */
@NullMarked
package org.sparklora.driver.training;

import org.jspecify.annotations.NullMarked;
