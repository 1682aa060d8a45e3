/**
 * Compares two runs by their files and reports the first difference. {@link
 * org.sparklora.driver.watch.verify.DecisionReplay} compares the recorded freeze decisions of one run with those of its
 * policy.
 *
 * <p>Open {@link org.sparklora.driver.watch.verify.Comparison} first. {@link org.sparklora.driver.watch.verify.RecordedRun}
 * reads a run directory, and {@link org.sparklora.driver.watch.verify.Verdict} is the result.
 *
 * <p>Invariants: numbers are compared exactly, never within a tolerance. What may differ between two good runs ({@code time},
 * {@code seconds}, failures, the machine, the configuration) is never a difference, but may be a note. A directory that cannot
 * be compared is an exception, not a verdict. This package uses neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.watch.verify;

import org.jspecify.annotations.NullMarked;
