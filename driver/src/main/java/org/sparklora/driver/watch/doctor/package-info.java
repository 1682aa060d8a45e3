/**
 * The checks of {@code doctor}. Open {@link org.sparklora.driver.watch.doctor.Finding} first; each {@code …Checks} class
 * covers one subject.
 *
 * <p>Invariants: all checks are pure functions from facts to findings, so tests can produce every finding without a cluster.
 * Each warning and each problem says what to do.
 */
@NullMarked
package org.sparklora.driver.watch.doctor;

import org.jspecify.annotations.NullMarked;
