/**
 * Reads and writes the safetensors format: an 8-byte little-endian length, a JSON header of that length, then the tensors'
 * bytes back to back.
 *
 * <p>Open {@link org.sparklora.worker.safetensors.SafetensorsFile} first; {@link
 * org.sparklora.worker.safetensors.SafetensorsWriter} is its counterpart.
 *
 * <p>Invariants: a file that opens is whole. Its header was checked against the length of the file and every tensor's
 * bytes against its shape, so a half-copied model is refused before training and not in the middle of it. Equal values
 * give equal bytes: names are sorted, the header has one spelling, and nothing of the moment (time, version, host) is
 * written.
 *
 * <p>Knows the JDK and Gson only: neither the engine nor Spark.
 */
@NullMarked
package org.sparklora.worker.safetensors;

import org.jspecify.annotations.NullMarked;
