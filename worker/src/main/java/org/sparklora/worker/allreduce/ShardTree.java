package org.sparklora.worker.allreduce;

import java.io.Serializable;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BinaryOperator;

/**
 * The complete binary tree over S shards, numbered like a heap: the root is 1, the children of n are 2n and 2n + 1, and shard s
 * is the leaf S + s.
 *
 * <p>A rank with any range of shards adds its complete subtrees and sends their sums; the receiver continues in the same way. So
 * 1, 3 or S ranks add the same pairs.
 *
 * @param shards S, a power of two
 */
public record ShardTree(int shards) implements Serializable {

    /** @throws IllegalArgumentException if the number of shards is not a power of two */
    public ShardTree {
        if (shards < 1 || Integer.bitCount(shards) != 1) {
            throw new IllegalArgumentException("the number of shards must be a power of two, not " + shards);
        }
    }

    /**
     * Returns the leaf of a shard.
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
     * Adds siblings whose sums are both known, from the leaves up.
     *
     * @param parts sums by node
     * @param plus adds left and right; may reuse the left operand
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
                    throw new IllegalArgumentException("node " + left / 2 + " exists twice: as a sum and as its parts");
                }
            }
        }
        return nodes;
    }

    /**
     * Returns the sum over all shards.
     *
     * @throws IllegalArgumentException if the parts do not cover every shard exactly once
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
