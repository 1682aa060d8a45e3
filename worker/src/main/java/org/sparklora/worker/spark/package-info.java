/**
 * The only Spark code in the worker: what a task does with its shards. Open {@link org.sparklora.worker.spark.StepTask}
 * first (one optimizer step), then {@link org.sparklora.worker.spark.SegmentTask} (many, among ranks that meet over
 * {@link org.sparklora.worker.spark.SparkTransport}); {@link org.sparklora.worker.spark.EpochContext} is what every task of an
 * epoch shares. {@link org.sparklora.worker.spark.TrunkTask} fills the activation cache: {@link
 * org.sparklora.worker.spark.CachedShard} is what every task takes, with {@code CachedActivations} or without. {@link
 * org.sparklora.worker.spark.ExecutorProgressPlugin} tells the driver of steps while a segment runs.
 *
 * <p>Invariant: a task keeps nothing that cannot be rebuilt from its arguments and the broadcast; a task that runs
 * twice, or on another executor, gives the same bits.
 */
@NullMarked
package org.sparklora.worker.spark;

import org.jspecify.annotations.NullMarked;
