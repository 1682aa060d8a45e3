/**
 * Task heads and their losses. Open {@link org.sparklora.worker.head.TaskHead} first; a new task is a class here.
 *
 * <p>Invariant: a loss is a sum over examples or tokens, never a mean: the division by their number (or their weights) happens
 * once, after the sums of all shards are added.
 */
@NullMarked
package org.sparklora.worker.head;

import org.jspecify.annotations.NullMarked;
