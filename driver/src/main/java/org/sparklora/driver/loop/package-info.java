/**
 * The run, epoch by epoch. Read {@link org.sparklora.driver.loop.TrainingLoop} top to bottom: it asks the policy, moves
 * groups, broadcasts the plan through an {@link org.sparklora.driver.loop.EpochRunner}, runs the steps, evaluates and
 * writes the history.
 *
 * <p>Knows neither Spark nor DJL: tests run it on a runner of their own.
 *
 * <p>Invariant: the driver owns the state. Workers answer with sums; what they hold can be rebuilt at any time.
 */
@NullMarked
package org.sparklora.driver.loop;

import org.jspecify.annotations.NullMarked;
