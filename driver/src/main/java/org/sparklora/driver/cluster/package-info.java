/**
 * The Spark side of a run: the job of each optimizer step, evaluation, where a session comes from, and run directories
 * on Hadoop's file systems. Open {@link org.sparklora.driver.cluster.SparkEpochRunner} first; {@code ShardPlacement} is where
 * rows lie and what is kept of them, {@code TrunkCache} sees to it.
 *
 * <p>Invariant: nothing here adds up floating-point numbers in the order in which tasks finish. Gradients go through
 * {@code ShardTree}, predictions are put back into row order before anything is computed from them.
 */
@NullMarked
package org.sparklora.driver.cluster;

import org.jspecify.annotations.NullMarked;
