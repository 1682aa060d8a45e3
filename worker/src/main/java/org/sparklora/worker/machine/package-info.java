/**
 * The hardware that a process runs on, as Linux reports it. Open {@link org.sparklora.worker.machine.Machine}.
 *
 * <p>Invariant: nothing here makes decisions. A value that cannot be read is left out, or replaced by the JVM's.
 */
@NullMarked
package org.sparklora.worker.machine;

import org.jspecify.annotations.NullMarked;
