/**
 * Freeze policies: pure decisions about which groups train when, without a clock, Spark or tensors.
 *
 * <p>Open {@link org.sparklora.driver.job.freeze.FreezePolicy} first. A policy decides before each epoch, and before the steps
 * that it names, with a {@link org.sparklora.driver.job.freeze.FreezeDecision}. There is one record for each policy: {@link
 * org.sparklora.driver.job.freeze.EpochSchedule}, {@link org.sparklora.driver.job.freeze.GradualThaw}, {@link
 * org.sparklora.driver.job.freeze.ThawOnPlateau}, {@link org.sparklora.driver.job.freeze.Lisa}, {@link
 * org.sparklora.driver.job.freeze.AutoFreeze}, and {@link org.sparklora.driver.job.freeze.WithEvents}, which adds events to
 * another. To add a policy, write a record here, name it in the {@code permits} of the interface, and name it in the
 * job file's {@code Policy}, with its keys in the table of job keys.
 *
 * <p>Invariants: a decision depends on its arguments alone, so a resumed run decides the same and {@link
 * org.sparklora.driver.job.freeze.Replay} can re-evaluate every decision; every change of a group is one legal move of {@link
 * org.sparklora.worker.contract.GroupState} with a reason that a person can read; a group that neither policy nor events
 * name keeps its state. Reasons are part of the history: to change one makes {@code replay} of older runs fail.
 */
@NullMarked
package org.sparklora.driver.job.freeze;

import org.jspecify.annotations.NullMarked;
