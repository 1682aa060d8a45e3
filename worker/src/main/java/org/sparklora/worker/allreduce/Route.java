package org.sparklora.worker.allreduce;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * What one rank does in each step: its moves up the {@link ShardTree}, then the totals that it receives. They are the same for
 * every step.
 *
 * <p>Moves are ordered by depth, the deepest first, and sends come before receives. So a rank sends everything that it has before
 * it waits, and the additions of a chunk take as many waits as the tree has levels, not as there are chunks.
 *
 * @param held the nodes whose sums the rank can compute by itself: its maximal complete subtrees, in order. The others call their
 *     sums slots
 * @param moves the moves, in order
 * @param totals how the total of each chunk passes this rank, by chunk
 */
record Route(List<Integer> held, List<Move> moves, List<Total> totals) {

    /** What a rank does with its sum of a node and that of the sibling. The order is that of execution at one depth. */
    enum Action {
        /** Sends its sum to the owner of the parent. */
        SEND,
        /** Receives the sibling's sum and adds it to its own. */
        RECEIVE,
        /** Adds its own sum of the right sibling to that of the left one. */
        ADD
    }

    /**
     * One move.
     *
     * @param node the node that is sent or received; for {@link Action#ADD} the right one
     * @param peer the other rank; the rank itself for {@link Action#ADD}
     * @param slot the sum that is sent, or added to
     * @param other the slot of the right sum for {@link Action#ADD}
     */
    record Move(Action action, int chunk, int node, int peer, int slot, int other) {

        int depth() {
            return RankMap.depth(node);
        }

        /** Whether the move completes the total of its chunk. */
        boolean completes() {
            return action != Action.SEND && node / 2 == 1;
        }
    }

    /**
     * The way of a chunk's total through a rank.
     *
     * @param depth depth of the rank's first node; 0 for the owner of the root
     * @param parent the rank that sends the total; the rank itself if it owns the root
     * @param children the ranks that receive it from this one
     * @param slot where the total is if the rank owns the root
     */
    record Total(int chunk, int depth, int parent, List<Integer> children, int slot) {}

    static Route of(RankMap ranks, int self, Chunks chunks) {
        ShardTree tree = new ShardTree(ranks.shards());
        TreeMap<Integer, Boolean> leaves = new TreeMap<>();
        for (int shard = ranks.firstShard(self); shard < ranks.firstShard(self + 1); shard++) {
            leaves.put(tree.leaf(shard), true);
        }
        List<Integer> held = List.copyOf(tree.combine(leaves, (a, b) -> true).keySet());
        List<Move> moves = new ArrayList<>();
        List<Total> totals = new ArrayList<>();
        for (int chunk = 0; chunk < chunks.count(); chunk++) {
            totals.add(climb(ranks, self, chunk, chunks.turns(chunk), held, moves));
        }
        moves.sort(Comparator.comparingInt(Move::depth).reversed().thenComparing(Move::action));
        return new Route(held, List.copyOf(moves), List.copyOf(totals));
    }

    /** Adds the moves of one chunk, and returns the way of its total. */
    private static Total climb(RankMap ranks, int self, int chunk, int turns, List<Integer> held, List<Move> moves) {
        TreeMap<Integer, Integer> slots = new TreeMap<>();
        held.forEach(node -> slots.put(node, slots.size()));
        List<Integer> children = new ArrayList<>();
        int top = ranks.top(self, turns);
        while (true) {
            // Heaps number deeper nodes higher, so all below this one is done.
            Map.Entry<Integer, Integer> deepest = Objects.requireNonNull(slots.pollLastEntry());
            int node = deepest.getKey();
            int slot = deepest.getValue();
            if (node == 1) {
                return new Total(chunk, 0, self, children, slot);
            }
            int owner = ranks.owner(node / 2, turns);
            int sibling = node ^ 1;
            Integer other = slots.remove(sibling);
            if (owner != self) {
                moves.add(new Move(Action.SEND, chunk, node, owner, slot, slot));
            } else if (other != null) {
                // The right node has the higher number, so the sibling is the left one.
                moves.add(new Move(Action.ADD, chunk, node, self, other, slot));
                slots.put(node / 2, other);
            } else {
                int peer = ranks.owner(sibling, turns);
                moves.add(new Move(Action.RECEIVE, chunk, sibling, peer, slot, slot));
                slots.put(node / 2, slot);
                if (ranks.top(peer, turns) == sibling) {
                    children.add(peer);
                }
            }
            if (slots.isEmpty()) {
                return new Total(chunk, RankMap.depth(top), ranks.owner(top / 2, turns), children, slot);
            }
        }
    }
}
