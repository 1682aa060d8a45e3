package org.sparklora.worker.allreduce;

import java.io.Serializable;

/**
 * Assigns shards and nodes of the {@link ShardTree} to ranks. Rank r of R holds the shards from S·r/R to S·(r+1)/R. Each
 * chunk of a gradient has its own owners of nodes.
 *
 * @param shards S, a power of two
 * @param ranks R, 1 to S
 */
public record RankMap(int shards, int ranks) implements Serializable {

    /** @throws IllegalArgumentException if shards is not a power of two, or there are more ranks than shards */
    public RankMap {
        if (shards < 1 || Integer.bitCount(shards) != 1) {
            throw new IllegalArgumentException("the number of shards must be a power of two, not " + shards);
        }
        if (ranks < 1 || ranks > shards) {
            throw new IllegalArgumentException(ranks + " ranks cannot share " + shards + " shards");
        }
    }

    /** First shard of a rank; for rank R the number of shards. */
    public int firstShard(int rank) {
        return (int) ((long) shards * rank / ranks);
    }

    /** The rank that holds a shard. */
    public int rankOf(int shard) {
        int rank = (int) ((long) shard * ranks / shards);
        while (firstShard(rank + 1) <= shard) {
            rank++;
        }
        return rank;
    }

    /**
     * The rank that computes a chunk of the sum of a node. It holds a shard below the node. Which one rotates with the chunk, so
     * that every rank adds and sends about the same part of a gradient. The sums do not depend on it.
     *
     * @param turns the chunk's {@link Chunks#turns}: bit d chooses the left or the right child of each node at depth d
     */
    int owner(int node, int turns) {
        int leaf = node;
        for (int depth = depth(node); leaf < shards; depth++) {
            leaf = 2 * leaf + ((turns >> depth) & 1);
        }
        return rankOf(leaf - shards);
    }

    /**
     * The first node, from the root down, whose sum of a chunk a rank computes. It receives the total of the chunk from the owner
     * of that node's parent, unless it owns the root.
     */
    int top(int rank, int turns) {
        int first = shards + firstShard(rank);
        int last = shards + firstShard(rank + 1) - 1;
        for (int up = depth(shards); up >= 0; up--) {
            for (int node = first >> up; node <= last >> up; node++) {
                if (owner(node, turns) == rank) {
                    return node;
                }
            }
        }
        throw new IllegalStateException("rank " + rank + " of " + ranks + " holds no shard");
    }

    /** Distance of a node from the root. */
    static int depth(int node) {
        return Integer.SIZE - 1 - Integer.numberOfLeadingZeros(node);
    }
}
