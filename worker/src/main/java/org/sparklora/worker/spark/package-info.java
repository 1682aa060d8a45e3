/**
 * The Spark code of the worker: what a task does with its shards. Open {@link org.sparklora.worker.spark.StepTask} first, which
 * runs one optimizer step.
 *
 * <p>{@link org.sparklora.worker.spark.SegmentTask} runs many steps, on ranks that connect over {@link
 * org.sparklora.worker.spark.SparkTransport}. {@link org.sparklora.worker.spark.TrunkTask} fills the activation cache; every
 * task reads {@link org.sparklora.worker.spark.CachedShard}s, with cached activations or without. All tasks of an epoch share
 * one {@link org.sparklora.worker.spark.EpochContext}. What tasks return, share and store is {@link
 * org.sparklora.worker.spark.JavaSerialized}, so that a session may use any serializer.
 *
 * <p>Invariant: a task holds nothing that cannot be rebuilt from its arguments and the broadcast. A task that runs twice, or on
 * another executor, computes the same bits.
 */
@NullMarked
package org.sparklora.worker.spark;

import org.jspecify.annotations.NullMarked;
