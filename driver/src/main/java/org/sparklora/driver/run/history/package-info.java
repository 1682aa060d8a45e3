/**
 * The files of a run directory that people and programs read.
 *
 * <p>Open {@link org.sparklora.driver.run.history.RunHistory} first: it publishes the events of a run, which {@link
 * org.sparklora.driver.run.history.StoredHistory} reads. {@link org.sparklora.driver.run.history.RunStatus} is {@code
 * status.json}, {@link org.sparklora.driver.run.history.RunDirectory} the file access. {@link
 * org.sparklora.driver.run.history.OutputGuard} protects existing files, and {@link
 * org.sparklora.driver.run.history.LeasedRunDirectory} a run from a second process.
 *
 * <p>Invariants: readers never see a partial file, since every write replaces the whole file. Each step appears once in the
 * history, because lines are published when they commit and a resumed run truncates the history to its checkpoint. Numbers have all the digits of a round trip. This package uses neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.run.history;

import org.jspecify.annotations.NullMarked;
