/**
 * Checkpoints: what a run needs to go on with the same bits, in the run directory's {@code checkpoints/}.
 *
 * <p>Open {@link org.sparklora.driver.run.checkpoint.CheckpointStore} first. A checkpoint is a folder of parts and a marker,
 * {@code checkpoint.json}, written after them, that names each with its length and SHA-256. Object stores can neither
 * rename nor append atomically: that the marker is written last is all that is asked of them.
 *
 * <p>{@link org.sparklora.driver.run.checkpoint.Checkpoint} is the content: a {@link org.sparklora.driver.run.loop.TrainingCheckpoint}, the
 * length of the history there, and what the numbers come from. {@link
 * org.sparklora.driver.run.checkpoint.RunCheckpointer} is what the loop calls.
 *
 * <p>Invariants: a folder without a marker that agrees with every part is no checkpoint; an older checkpoint goes only
 * after a newer marker is written; numbers come back bit for bit. Knows neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.run.checkpoint;

import org.jspecify.annotations.NullMarked;
