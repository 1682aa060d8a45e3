package org.sparklora.worker.allreduce;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The moves of one rank with each chunk on its way up the {@link ShardTree}, in order. They are the same for every step and
 * chunk.
 *
 * @param held the nodes whose sums the rank can compute by itself: its maximal complete subtrees
 * @param moves the moves with them
 */
record Route(List<Integer> held, List<Move> moves) {

    /** What a rank does with a sum. */
    enum Action {
        /** Adds the right sum of this rank to the left one. */
        ADD,
        /** Receives the right sum from the peer and adds it to the left one. */
        RECEIVE,
        /** Sends the right sum to the peer, which holds the left one. */
        SEND
    }

    /**
     * One move.
     *
     * @param left a left child; the right one is its sibling, and their sum is that of the parent
     * @param peer the other rank; the rank itself for {@link Action#ADD}
     */
    record Move(Action action, int left, int peer) {

        int right() {
            return left + 1;
        }
    }

    static Route of(RankMap ranks, int self) {
        ShardTree tree = new ShardTree(ranks.shards());
        TreeMap<Integer, Boolean> leaves = new TreeMap<>();
        for (int shard = ranks.firstShard(self); shard < ranks.firstShard(self + 1); shard++) {
            leaves.put(tree.leaf(shard), true);
        }
        List<Integer> held = List.copyOf(tree.combine(leaves, (a, b) -> true).keySet());
        TreeSet<Integer> nodes = new TreeSet<>(held);
        List<Move> moves = new ArrayList<>();
        for (int parent = ranks.shards() - 1; parent >= 1; parent--) {
            int left = 2 * parent;
            int right = left + 1;
            if (nodes.remove(left)) {
                Action action = nodes.remove(right) ? Action.ADD : Action.RECEIVE;
                moves.add(new Move(action, left, ranks.owner(right)));
                nodes.add(parent);
            } else if (nodes.remove(right)) {
                moves.add(new Move(Action.SEND, left, ranks.owner(left)));
            }
        }
        return new Route(held, List.copyOf(moves));
    }
}
