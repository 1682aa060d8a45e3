/**
 * The machine that a process runs on, from what Linux tells of it. Open {@link org.sparklora.worker.machine.Machine}.
 *
 * <p>Invariant: nothing here decides anything; what cannot be read is left out or replaced by what the JVM says.
 */
@NullMarked
package org.sparklora.worker.machine;

import org.jspecify.annotations.NullMarked;
