/**
 * Adding up gradients in one fixed order, whoever holds them: {@code float[]} in, sum out; no DJL, no Spark. Open {@link
 * org.sparklora.worker.allreduce.ShardTree} first (the order), then {@link
 * org.sparklora.worker.allreduce.TreeAllReduce} (one rank's part of it, chunk by chunk).
 *
 * <p>Invariant: floating-point addition is not associative, so the sum of S shards always follows the same binary tree
 * over shards. Nothing is added across a subtree boundary.
 */
@NullMarked
package org.sparklora.worker.allreduce;

import org.jspecify.annotations.NullMarked;
