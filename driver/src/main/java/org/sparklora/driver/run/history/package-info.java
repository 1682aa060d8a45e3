/**
 * The record of a run: what goes into its directory for people and programs to read, and what a person sees meanwhile.
 *
 * <p>Open {@link org.sparklora.driver.run.history.RunHistory} first: the events of {@code history.jsonl}, published segment
 * by segment. {@link org.sparklora.driver.run.history.RunStatus} is {@code status.json},
 * {@link org.sparklora.driver.run.history.RunDirectory} where files go, {@link org.sparklora.driver.run.history.OutputGuard} what
 * keeps a run from writing over another, {@link org.sparklora.driver.watch.progress.Progress} the lines on stderr.
 *
 * <p>Invariants: a reader never sees half a file, since every write replaces the whole file; a step is in the history
 * once, whatever failed, since the lines of a segment appear when it commits and a resumed run cuts the history back to
 * its checkpoint; numbers keep every digit that a round trip needs. Time comes in as a {@link java.time.Clock}. Knows
 * neither Spark nor DJL: a Hadoop run directory lives elsewhere.
 */
@NullMarked
package org.sparklora.driver.run.history;

import org.jspecify.annotations.NullMarked;
