/**
 * The Spark side of a run: the jobs of optimizer steps and evaluation, sessions, and run directories on Hadoop's file systems.
 * Open {@link org.sparklora.driver.cluster.SparkEpochRunner} first.
 *
 * <p>{@code PeerExchange} and {@code DriverExchange} are the two ways to run the steps of an epoch. {@code ShardPlacement}
 * holds the rows and their cached trunk activations, which {@code TrunkCache} fills. {@code Retries} repeats jobs that the
 * cluster failed.
 *
 * <p>Invariant: nothing here adds floating-point numbers in the order in which tasks finish. Gradients are summed along
 * {@code ShardTree}, sums of metrics, too.
 */
@NullMarked
package org.sparklora.driver.cluster;

import org.jspecify.annotations.NullMarked;
