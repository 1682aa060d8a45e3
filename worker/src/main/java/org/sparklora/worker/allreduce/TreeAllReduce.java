package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.contract.ShardSum;

/**
 * The sum over all shards on every rank, added along the {@link ShardTree}: sums go up to the owner of the parent node,
 * the total comes down a binary tree over ranks. Every rank makes one call per step.
 *
 * <p>Not thread-safe. Owns one send buffer; the links are the caller's.
 */
public final class TreeAllReduce {

    private final long plan;
    private final RankMap ranks;
    private final int self;
    private final Mailbox mailbox;
    private final Links links;
    private final Duration deadline;
    private final ShardTree tree;
    private final ByteBuffer buffer;

    /**
     * @param plan of the stage, the same on every rank
     * @param floats size of the gradient
     * @param deadline longest wait for any one frame
     */
    public TreeAllReduce(
            long plan, int floats, RankMap ranks, int self, Mailbox mailbox, Links links, Duration deadline) {
        this.plan = plan;
        this.ranks = ranks;
        this.self = self;
        this.mailbox = mailbox;
        this.links = links;
        this.deadline = deadline;
        this.tree = new ShardTree(ranks.shards());
        this.buffer = ByteBuffer.allocateDirect(Frame.bytes(floats));
    }

    /** The total of a step from the sums of this rank's shards, by leaf. The parts are used up. */
    public ShardSum sum(Map<Integer, ShardSum> mine) {
        TreeMap<Integer, ShardSum> nodes = new TreeMap<>(tree.combine(mine, ShardSum::add));
        for (int parent = ranks.shards() - 1; parent >= 1; parent--) {
            addOrSend(parent, nodes);
        }
        ShardSum total = self == 0
                ? nodes.get(1)
                : mailbox.take(Kind.DOWN, 1, ranks.parent(self), links.name(ranks.parent(self)), deadline)
                        .sum()
                        .sum();
        if (total == null) {
            throw new IllegalArgumentException("rank " + self + " did not bring all of its shards: " + mine.keySet());
        }
        for (int child : ranks.children(self)) {
            send(child, Kind.DOWN, 1, total);
        }
        mailbox.next();
        return total;
    }

    private void addOrSend(int parent, Map<Integer, ShardSum> nodes) {
        int left = 2 * parent;
        int right = left + 1;
        int leftOwner = ranks.owner(left);
        int rightOwner = ranks.owner(right);
        if (leftOwner == rightOwner && !nodes.containsKey(left)) {
            return; // Inside one rank: added by combine, or not ours.
        }
        ShardSum leftSum = nodes.get(left);
        ShardSum rightSum = nodes.get(right);
        if (leftOwner == self && leftSum != null) {
            nodes.remove(left);
            ShardSum other = rightOwner == self && rightSum != null
                    ? rightSum
                    : mailbox.take(Kind.UP, right, rightOwner, links.name(rightOwner), deadline)
                            .sum()
                            .sum();
            nodes.remove(right);
            nodes.put(parent, leftSum.add(other));
        } else if (rightOwner == self && rightSum != null) {
            nodes.remove(right);
            send(leftOwner, Kind.UP, right, rightSum);
        }
    }

    private void send(int rank, Kind kind, int node, ShardSum sum) {
        Frame frame = new Frame(plan, mailbox.step(), kind, self, new Frame.Node(node, sum));
        links.send(rank, frame.encode(buffer));
    }
}
