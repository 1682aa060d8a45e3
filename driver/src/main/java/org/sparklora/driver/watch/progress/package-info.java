/**
 * Progress of a run on the terminal. Open {@link org.sparklora.driver.watch.progress.Progress} first.
 *
 * <p>Invariant: monitoring does not change results. The package shows only numbers that the run has computed anyway.
 */
@org.jspecify.annotations.NullMarked
package org.sparklora.driver.watch.progress;
