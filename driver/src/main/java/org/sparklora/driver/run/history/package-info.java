/**
 * The files of a run directory that people and programs read.
 *
 * <p>Open {@link org.sparklora.driver.run.history.RunHistory} first: it publishes the events of {@code history.jsonl} one
 * segment at a time. {@link org.sparklora.driver.run.history.RunStatus} is {@code status.json}, {@link
 * org.sparklora.driver.run.history.RunDirectory} the file access, and {@link
 * org.sparklora.driver.run.history.OutputGuard} protects existing files.
 *
 * <p>Invariants: readers never see a partial file, since every write replaces the whole file. Each step appears once in the
 * history, because a segment's lines are published when it commits and a resumed run truncates the history to its
 * checkpoint. Numbers have all the digits of a round trip. This package uses neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.run.history;

import org.jspecify.annotations.NullMarked;
