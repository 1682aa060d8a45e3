/**
 * How long a planned run takes on a cluster, and what it costs: a small model, from counted work and measured speeds. Open
 * {@link org.sparklora.driver.job.sizing.RunTime} first, whose documentation has the formulas; docs/sizing.md has results.
 *
 * <p>Invariant: pure arithmetic on plans. Nothing here looks at a machine, and no run is decided by it.
 */
@NullMarked
package org.sparklora.driver.job.sizing;

import org.jspecify.annotations.NullMarked;
