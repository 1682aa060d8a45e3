package org.sparklora.worker.allreduce;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Which rank holds which shards and adds up which nodes of the {@link ShardTree}. Rank r of R holds the shards from
 * S·r/R to S·(r+1)/R; a node belongs to the rank that holds its leftmost shard, so the root is rank 0's.
 *
 * @param shards S, a power of two
 * @param ranks R, 1 to S
 */
public record RankMap(int shards, int ranks) implements Serializable {

    /** @throws IllegalArgumentException where shards are no power of two, or there are more ranks than shards */
    public RankMap {
        if (shards < 1 || Integer.bitCount(shards) != 1) {
            throw new IllegalArgumentException("the number of shards must be a power of two, not " + shards);
        }
        if (ranks < 1 || ranks > shards) {
            throw new IllegalArgumentException(ranks + " ranks cannot share " + shards + " shards");
        }
    }

    /** First shard of a rank; of rank R, the number of shards. */
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

    /** The rank that adds up a node. */
    public int owner(int node) {
        int leaf = node;
        while (leaf < shards) {
            leaf *= 2;
        }
        return rankOf(leaf - shards);
    }

    /** The ranks that get the total from this one: a binary tree over ranks with root 0. */
    public List<Integer> children(int rank) {
        List<Integer> children = new ArrayList<>();
        for (int child = 2 * rank + 1; child <= 2 * rank + 2 && child < ranks; child++) {
            children.add(child);
        }
        return children;
    }

    /** The rank that sends the total to this one, which is not 0. */
    public int parent(int rank) {
        return (rank - 1) / 2;
    }
}
