/**
 * Adding up gradients in one fixed order, whoever holds them: {@code float[]} in, sum out; no DJL, no Spark. Open {@link
 * org.sparklora.worker.allreduce.ShardTree}.
 *
 * <p>Invariant: floating-point addition is not associative, so the sum of S shards always follows the same binary tree
 * over shards. Nothing is added across a subtree boundary.
 */
@NullMarked
package org.sparklora.worker.allreduce;

import org.jspecify.annotations.NullMarked;
