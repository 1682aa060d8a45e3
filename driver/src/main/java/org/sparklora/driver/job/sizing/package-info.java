/**
 * How long a planned run takes on a cluster, and what it costs: a small model of counted work and measured speeds. Open
 * {@link org.sparklora.driver.job.sizing.RunTime} first, whose documentation has the formulas.
 *
 * <p>Invariant: pure arithmetic on plans. Nothing here measures a machine, and no run depends on it.
 */
@NullMarked
package org.sparklora.driver.job.sizing;

import org.jspecify.annotations.NullMarked;
