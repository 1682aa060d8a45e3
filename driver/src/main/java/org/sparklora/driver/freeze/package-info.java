/**
 * Which groups train when: pure decisions, no clock, no Spark, no tensors.
 *
 * <p>Open {@link org.sparklora.driver.freeze.FreezePolicy} first. {@link org.sparklora.driver.freeze.EpochSchedule} is
 * the policy {@code epochs}: groups thaw and freeze before the epochs that the job names.
 *
 * <p>Adding a policy (gradual, plateau, lisa, autofreeze): a record in this package, its name in the {@code permits} of
 * the interface, and a line where the job's {@code schedule.policy} is read. A policy sees the metrics of every finished
 * epoch, so patience and the best value so far are computed, not remembered; one that samples draws from
 * {@link org.sparklora.worker.contract.KeyedRandom} keyed by seed and epoch. Either way a resumed run decides the same.
 *
 * <p>Invariants: a decision depends on its arguments alone; every change of a group is one legal move of
 * {@link org.sparklora.worker.contract.GroupState} with a reason that a person can read; a group that no policy names
 * keeps its state for ever.
 */
@NullMarked
package org.sparklora.driver.freeze;

import org.jspecify.annotations.NullMarked;
