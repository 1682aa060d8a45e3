/**
 * Tokenised examples on their way to the encoder: a tokenizer, a shard of examples, the order of an epoch, a batch.
 *
 * <p>Open {@link org.sparklora.worker.data.Shard} first. {@link org.sparklora.worker.data.TextTokenizer} turns text
 * into an {@link org.sparklora.worker.data.Example}; a shard holds its examples for the whole run;
 * {@link org.sparklora.worker.data.ShardOrder} orders them for one epoch;
 * {@link org.sparklora.worker.data.EpochRows} hands out the rows of each step as a
 * {@link org.sparklora.worker.data.Batch}.
 *
 * <p>Invariants: step k of an epoch takes exactly the number of rows that
 * {@link org.sparklora.worker.contract.ShardPlan} says, every row exactly once an epoch, and the order depends on
 * seed, epoch and keys alone. Nothing here knows Spark or native arrays. What crosses JVMs is a final class rather
 * than a record, because a cluster may have Kryo as its serializer and Kryo cannot read records.
 */
@NullMarked
package org.sparklora.worker.data;

import org.jspecify.annotations.NullMarked;
