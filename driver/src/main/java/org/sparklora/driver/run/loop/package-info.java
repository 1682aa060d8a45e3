/**
 * The run, epoch by epoch. Read {@link org.sparklora.driver.run.loop.TrainingLoop} first, top to bottom: it asks the policy,
 * moves groups, sends the plan to an {@link org.sparklora.driver.run.loop.EpochRunner}, runs the steps and evaluates.
 *
 * <p>This package knows neither Spark nor DJL: tests run the loop on a runner of their own. A run resumes from a {@link
 * org.sparklora.driver.run.loop.TrainingCheckpoint} with the same bits; a {@link
 * org.sparklora.driver.run.loop.Checkpointer} stores them.
 *
 * <p>Invariant: the driver owns the training state. Workers return sums, and everything they hold can be rebuilt.
 */
@NullMarked
package org.sparklora.driver.run.loop;

import org.jspecify.annotations.NullMarked;
