/**
 * Puts a training run together: model, data, policy, cluster and run directory. Open {@link
 * org.sparklora.driver.training.TrainingRun} first.
 *
 * <p>The command line ({@code driver.app}) and the Spark ML estimators ({@code driver.ml}) both start runs here, so a run is the
 * same whichever starts it.
 */
@org.jspecify.annotations.NullMarked
package org.sparklora.driver.training;
