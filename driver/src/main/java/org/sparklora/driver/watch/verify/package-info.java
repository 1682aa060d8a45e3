/**
 * Compares two runs by what they recorded, and says first where they part.
 *
 * <p>{@link org.sparklora.driver.watch.verify.DecisionReplay} compares one run with itself: the decisions about groups that it
 * recorded with those that its policy takes again.
 *
 * <p>Open {@link org.sparklora.driver.watch.verify.Comparison} first. {@link org.sparklora.driver.watch.verify.RecordedRun} is what
 * is read of a run directory, {@link org.sparklora.driver.watch.verify.Verdict} what a person gets to see.
 *
 * <p>Invariants: numbers are compared exactly, as they were computed, and never within a tolerance. What may differ
 * between two good runs ({@code time}, {@code seconds}, failures that were overcome, the machine, the configuration) is
 * never a difference; where it may explain one it is a note. A directory that cannot be compared is an exception, not a
 * verdict. Knows neither Spark nor DJL: files come through {@link org.sparklora.driver.run.history.RunDirectory}.
 */
@NullMarked
package org.sparklora.driver.watch.verify;

import org.jspecify.annotations.NullMarked;
