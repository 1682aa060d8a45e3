/**
 * Tokenized examples on their way to the encoder. Open {@link org.sparklora.worker.data.Shard} first.
 *
 * <p>{@link org.sparklora.worker.data.TextTokenizer} turns text into an {@link org.sparklora.worker.data.Example}. A shard holds
 * its examples for the whole run, {@link org.sparklora.worker.data.ShardOrder} orders them for an epoch, and {@link
 * org.sparklora.worker.data.EpochRows} selects the rows of each step, which become a {@link org.sparklora.worker.data.Batch}.
 *
 * <p>Invariants: step k of an epoch has exactly the rows that {@link org.sparklora.worker.contract.ShardPlan} says, each row is
 * used exactly once an epoch, and the order depends on seed, epoch and keys only. Nothing here uses Spark or native arrays.
 */
@NullMarked
package org.sparklora.worker.data;

import org.jspecify.annotations.NullMarked;
