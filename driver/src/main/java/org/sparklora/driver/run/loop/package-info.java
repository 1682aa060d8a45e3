/**
 * The run, epoch by epoch. Read {@link org.sparklora.driver.run.loop.TrainingLoop} top to bottom: it asks the policy, moves
 * groups, broadcasts the plan through an {@link org.sparklora.driver.run.loop.EpochRunner}, runs the steps, evaluates and
 * writes the history.
 *
 * <p>Knows neither Spark nor DJL: tests run it on a runner of their own.
 *
 * <p>A {@link org.sparklora.driver.run.loop.TrainingCheckpoint} is a moment of a run from which it can go on with the same bits; a {@link
 * org.sparklora.driver.run.loop.Checkpointer} keeps them.
 *
 * <p>Invariant: the driver owns the state. Workers answer with sums; what they hold can be rebuilt at any time.
 */
@NullMarked
package org.sparklora.driver.run.loop;

import org.jspecify.annotations.NullMarked;
