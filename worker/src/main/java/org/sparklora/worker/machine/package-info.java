/**
 * The machine that a process runs on: its hardware, as Linux reports it, and a lock among its processes. Open {@link
 * org.sparklora.worker.machine.Machine}.
 *
 * <p>Invariant: nothing here makes decisions. A value that cannot be read is left out, or replaced by the JVM's.
 */
@NullMarked
package org.sparklora.worker.machine;

import org.jspecify.annotations.NullMarked;
