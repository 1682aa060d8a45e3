package org.sparklora.worker.allreduce;

import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BinaryOperator;

/**
 * The complete binary tree over S shards, numbered as a heap: the root is 1, the children of n are 2n and 2n + 1, shard
 * s is the leaf S + s.
 *
 * <p>A rank with any range of shards adds up the complete subtrees it holds and sends those; the receiver goes on the
 * same way. So 1, 3 or S ranks add the same pairs.
 */
public final class ShardTree {

    private final int shards;

    /**
     * The tree over so many shards.
     *
     * @throws IllegalArgumentException where they are no power of two
     */
    public ShardTree(int shards) {
        if (shards < 1 || Integer.bitCount(shards) != 1) {
            throw new IllegalArgumentException("the number of shards must be a power of two, not " + shards);
        }
        this.shards = shards;
    }

    /**
     * The leaf of a shard.
     *
     * @throws IllegalArgumentException for a shard outside 0 to S − 1
     */
    public int leaf(int shard) {
        if (shard < 0 || shard >= shards) {
            throw new IllegalArgumentException("shard " + shard + " is outside 0.." + (shards - 1));
        }
        return shards + shard;
    }

    /**
     * Adds siblings, from the leaves up, as long as both are there.
     *
     * @param parts sums by node
     * @param plus left plus right; may reuse the left operand
     * @return the sums of the maximal complete subtrees, by node
     */
    public <T> SortedMap<Integer, T> combine(Map<Integer, T> parts, BinaryOperator<T> plus) {
        TreeMap<Integer, T> nodes = new TreeMap<>(parts);
        for (int left = 2 * (shards - 1); left >= 2; left -= 2) {
            T leftSum = nodes.get(left);
            T rightSum = nodes.get(left + 1);
            if (leftSum != null && rightSum != null) {
                nodes.remove(left);
                nodes.remove(left + 1);
                if (nodes.put(left / 2, plus.apply(leftSum, rightSum)) != null) {
                    throw new IllegalArgumentException("node " + left / 2 + " came twice: as a sum and as its parts");
                }
            }
        }
        return nodes;
    }

    /**
     * The sum over all shards.
     *
     * @throws IllegalArgumentException for parts that do not cover them, or do so twice
     */
    public <T> T total(Map<Integer, T> parts, BinaryOperator<T> plus) {
        SortedMap<Integer, T> nodes = combine(parts, plus);
        T root = nodes.get(1);
        if (root == null || nodes.size() != 1) {
            throw new IllegalArgumentException(
                    "the parts do not add up to all " + shards + " shards: nodes " + nodes.keySet());
        }
        return root;
    }
}
