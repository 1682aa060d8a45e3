/**
 * Which groups train when: pure decisions, no clock, no Spark, no tensors.
 *
 * <p>Open {@link org.sparklora.driver.job.freeze.FreezePolicy} first. A policy is asked before each epoch, and before the steps
 * that it names; it answers with a {@link org.sparklora.driver.job.freeze.FreezeDecision}. One record each:
 *
 * <ul>
 *   <li>{@link org.sparklora.driver.job.freeze.EpochSchedule}: the events that the job lists;
 *   <li>{@link org.sparklora.driver.job.freeze.GradualThaw}: one more group every few epochs, with rates that fall (ULMFiT);
 *   <li>{@link org.sparklora.driver.job.freeze.ThawOnPlateau}: the next group when a metric has stopped improving;
 *   <li>{@link org.sparklora.driver.job.freeze.Lisa}: a few groups at random, drawn anew every few steps;
 *   <li>{@link org.sparklora.driver.job.freeze.AutoFreeze}: groups freeze from the bottom up once their gradient has settled;
 *   <li>{@link org.sparklora.driver.job.freeze.WithEvents}: one of those and events for groups that it leaves alone.
 * </ul>
 *
 * <p>To add one: a record here, its name in the {@code permits} of the interface, and its keys in the job file's {@code
 * PolicyConfig}. A policy sees the metrics of every finished epoch, so patience and the best value so far are computed, not
 * remembered; one that samples draws from {@link org.sparklora.worker.contract.KeyedRandom} keyed by seed and moment. So a
 * resumed run decides the same, and {@link org.sparklora.driver.job.freeze.Replay} takes every decision of a run again.
 *
 * <p>Invariants: a decision depends on its arguments alone; every change of a group is one legal move of
 * {@link org.sparklora.worker.contract.GroupState} with a reason that a person can read; a group that neither policy nor
 * events name keeps its state for ever.
 */
@NullMarked
package org.sparklora.driver.job.freeze;

import org.jspecify.annotations.NullMarked;
