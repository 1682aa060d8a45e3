/**
 * Adds gradients in one fixed order, whichever ranks hold them: {@code float[]} in, sum out. Uses neither DJL nor Spark.
 *
 * <p>Open {@link org.sparklora.worker.allreduce.ShardTree} first, which defines the order. {@link
 * org.sparklora.worker.allreduce.TreeAllReduce} is the part of one rank, chunk by chunk, over a {@link
 * org.sparklora.worker.allreduce.Transport}.
 *
 * <p>Invariant: floating-point addition is not associative, so the sum of S shards always follows the same binary tree over
 * shards. Nothing is added across a subtree boundary.
 */
@NullMarked
package org.sparklora.worker.allreduce;

import org.jspecify.annotations.NullMarked;
