/**
 * One optimizer step. Read {@link org.sparklora.worker.train.TrainStep} first, top to bottom, then {@link
 * org.sparklora.worker.train.ShardPass}, which computes the gradient of one shard.
 *
 * <p>{@link org.sparklora.worker.train.TrainState} holds everything that training changes; {@link
 * org.sparklora.worker.train.TrainStateSnapshot} is a copy of it, and {@link org.sparklora.worker.train.TrainStateCodec} its
 * format in a checkpoint.
 *
 * <p>Invariants: arithmetic on gradients, moments and values is Java's on {@code float[]}, with the same bits on every JVM; a
 * tensor that is not trainable has no gradient, no moment update, no weight decay and no part in the clip norm; a loss or
 * gradient that is not finite stops the step before anything is updated.
 */
@NullMarked
package org.sparklora.worker.train;

import org.jspecify.annotations.NullMarked;
