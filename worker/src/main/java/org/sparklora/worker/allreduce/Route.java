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

    /** One move. {@code left} and {@code right} are siblings; their sum replaces {@code left}. */
    sealed interface Move {

        /** Adds two sums of this rank. */
        record Add(int left, int right) implements Move {}

        /** Receives the right sum from another rank and adds it. */
        record Receive(int left, int right, int from) implements Move {}

        /** Sends the right sum to the rank that holds the left one. */
        record Send(int right, int to) implements Move {}
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
                moves.add(
                        nodes.remove(right)
                                ? new Move.Add(left, right)
                                : new Move.Receive(left, right, ranks.owner(right)));
                nodes.add(parent);
            } else if (nodes.remove(right)) {
                moves.add(new Move.Send(right, ranks.owner(left)));
            }
        }
        return new Route(held, List.copyOf(moves));
    }
}
