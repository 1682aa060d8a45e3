/**
 * Checkpoints in a run directory's {@code checkpoints/}, from which a run resumes with the same bits.
 *
 * <p>Open {@link org.sparklora.driver.run.checkpoint.CheckpointStore} first. A checkpoint is a folder of files and a marker,
 * {@code checkpoint.json}, which holds the length and SHA-256 of each file and is written last. Object stores can neither
 * rename nor append atomically, so the marker is what makes a checkpoint complete.
 *
 * <p>Invariants: a folder is a checkpoint only if its marker agrees with every file; an older checkpoint is deleted only
 * after a newer marker is written; numbers are read back bit for bit. This package knows neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.run.checkpoint;

import org.jspecify.annotations.NullMarked;
