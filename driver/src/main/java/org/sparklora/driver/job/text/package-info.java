/**
 * Text for people: {@link org.sparklora.driver.job.text.Problems} collects everything that is wrong with a file, {@link
 * org.sparklora.driver.job.text.NearMiss} finds the name that a user probably meant, {@link
 * org.sparklora.driver.job.text.Bytes} formats sizes, {@link org.sparklora.driver.job.text.Table} aligns columns, {@link
 * org.sparklora.driver.job.text.Resource} reads texts from the jar, and {@link org.sparklora.driver.job.text.ProtocolBuffer}
 * writes the messages that other programs read.
 *
 * <p>Invariant: depends on no other package of the driver.
 */
@NullMarked
package org.sparklora.driver.job.text;

import org.jspecify.annotations.NullMarked;
