package org.sparklora.worker.spark;

import java.io.Serializable;
import org.sparklora.worker.contract.ShardSum;

/**
 * The sum of one complete subtree of shards.
 *
 * @param node its number in {@code ShardTree}
 */
public record SubtreeSum(int node, ShardSum sum) implements Serializable {}
