/**
 * One optimizer step. Read {@link org.sparklora.worker.train.TrainStep} first, top to bottom, then {@link
 * org.sparklora.worker.train.ShardPass}, which computes one shard's gradient.
 *
 * <p>All arithmetic on gradients, moments and values is Java's on {@code float[]}: the same bits on every JVM.
 *
 * <p>{@link org.sparklora.worker.train.TrainState} is what training changes; {@link
 * org.sparklora.worker.train.TrainStateSnapshot} is that at one moment, and {@link
 * org.sparklora.worker.train.TrainStateCodec} its bytes in a checkpoint.
 *
 * <p>Invariants: a tensor that is not live has no gradient, no moment update, no weight decay and no part in the clip
 * norm; a loss or gradient that is not finite stops the step before anything is updated.
 */
@NullMarked
package org.sparklora.worker.train;

import org.jspecify.annotations.NullMarked;
