/**
 * The Spark side of a run: the job of each optimizer step, evaluation, where a session comes from, and run directories
 * on Hadoop's file systems. Open {@link org.sparklora.driver.spark.SparkEpochRunner} first; {@code PlacedShards} is where
 * rows lie and what is kept of them, {@code ActivationKeeper} sees to it.
 *
 * <p>Invariant: nothing here adds up floating-point numbers in the order in which tasks finish. Gradients go through
 * {@code ShardTree}, predictions are put back into row order before anything is computed from them.
 */
@NullMarked
package org.sparklora.driver.spark;

import org.jspecify.annotations.NullMarked;
