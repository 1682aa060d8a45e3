/**
 * Reads and writes the safetensors format: an 8-byte little-endian length, a JSON header of that length, then the bytes of
 * the tensors one after another.
 *
 * <p>Open {@link org.sparklora.worker.safetensors.SafetensorsFile} first; {@link
 * org.sparklora.worker.safetensors.SafetensorsWriter} is its counterpart.
 *
 * <p>Invariants: a file that opens is complete. Opening checks the header against the length of the file, and the bytes of
 * every tensor against its shape, so a half-copied model is refused before training starts. Equal values give equal bytes:
 * names are sorted, the header has one spelling, and no time, version or host is written.
 *
 * <p>Imports the JDK and Jackson only: neither the engine nor Spark.
 */
@NullMarked
package org.sparklora.worker.safetensors;

import org.jspecify.annotations.NullMarked;
