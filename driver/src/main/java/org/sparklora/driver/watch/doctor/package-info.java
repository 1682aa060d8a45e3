/**
 * What {@code doctor} concludes: facts in, a line with a verdict out. Open {@link org.sparklora.driver.watch.doctor.Finding} first; each {@code
 * …Checks} class judges one subject.
 *
 * <p>Invariant: pure functions. Nothing here looks at a machine, at Spark or at a clock, so that every verdict can be had
 * in a test; and no finding but an ok is without a remedy.
 */
@NullMarked
package org.sparklora.driver.watch.doctor;

import org.jspecify.annotations.NullMarked;
