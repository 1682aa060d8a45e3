/**
 * Task heads, their losses, and the predictions from their logits. Open {@link org.sparklora.worker.head.TaskHead} first; a
 * new task is a class here.
 *
 * <p>Invariant: a loss is a sum over examples or tokens, never a mean. The sum is divided by the weights once, after the sums
 * of all shards are added.
 */
@NullMarked
package org.sparklora.worker.head;

import org.jspecify.annotations.NullMarked;
