package org.sparklora.worker.allreduce;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Assigns shards and nodes of the {@link ShardTree} to ranks. Rank r of R holds the shards from S·r/R to S·(r+1)/R. The rank
 * that holds a node's leftmost shard owns the node, so rank 0 owns the root.
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

    /** The rank that computes the sum of a node. */
    public int owner(int node) {
        int leaf = node;
        while (leaf < shards) {
            leaf *= 2;
        }
        return rankOf(leaf - shards);
    }

    /** The ranks that receive the total from this one, along a binary tree over ranks with root 0. */
    public List<Integer> children(int rank) {
        List<Integer> children = new ArrayList<>();
        for (int child = 2 * rank + 1; child <= 2 * rank + 2 && child < ranks; child++) {
            children.add(child);
        }
        return children;
    }

    /** The rank that sends the total to this one; not for rank 0. */
    public int parent(int rank) {
        return (rank - 1) / 2;
    }
}
