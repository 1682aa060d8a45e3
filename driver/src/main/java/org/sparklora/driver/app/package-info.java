/**
 * The command line. {@code spark-submit} starts {@link org.sparklora.driver.app.Main}; each command is a class. Open {@code
 * TrainCommand} to see a command, and {@link org.sparklora.driver.training.TrainingRun} for what a run does.
 *
 * <p>Invariant: every error becomes one line that ends in an error code, and an exit code of the contract. With {@code --debug}
 * the stack trace follows.
 */
@NullMarked
package org.sparklora.driver.app;

import org.jspecify.annotations.NullMarked;
