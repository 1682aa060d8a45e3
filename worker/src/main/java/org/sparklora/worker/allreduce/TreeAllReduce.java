package org.sparklora.worker.allreduce;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.allreduce.Frame.Label;
import org.sparklora.worker.allreduce.Frame.Place;
import org.sparklora.worker.allreduce.Route.Move;
import org.sparklora.worker.contract.ShardSum;

/**
 * The sum over all shards on every rank, added along the {@link ShardTree}: sums go up to the owner of the parent node,
 * the total comes down a binary tree over ranks. Every rank makes one call per step, and {@link #finish} after the last.
 *
 * <p>The gradient travels in {@link Chunks}: while one is added, the next is on the wire, and the root passes a chunk of
 * the total down before it has seen the next one. No rank waits for the total before all its own sums are sent, so
 * nobody waits in a circle.
 *
 * <p>Not thread-safe. The links are the caller's.
 */
public final class TreeAllReduce {

    private final long plan;
    private final RankMap ranks;
    private final int self;
    private final Mailbox mailbox;
    private final Transport links;
    private final Duration deadline;
    private final ShardTree tree;
    private final Route route;
    private final Chunks chunks;
    private final Outbox outbox;

    /**
     * @param plan of the stage, the same on every rank
     * @param floats size of the gradient
     * @param deadline longest wait for any one message
     */
    public TreeAllReduce(
            long plan, int floats, RankMap ranks, int self, Mailbox mailbox, Transport links, Duration deadline) {
        this.plan = plan;
        this.ranks = ranks;
        this.self = self;
        this.mailbox = mailbox;
        this.links = links;
        this.deadline = deadline;
        this.tree = new ShardTree(ranks.shards());
        this.route = Route.of(ranks, self);
        this.chunks = new Chunks(floats);
        this.outbox = new Outbox(links, chunks, deadline);
    }

    /** The total of a step from the sums of this rank's shards, by leaf. The parts are used up. */
    public ShardSum sum(Map<Integer, ShardSum> mine) {
        Map<Integer, ShardSum> nodes = new TreeMap<>(tree.combine(mine, ShardSum::add));
        if (!nodes.keySet().equals(new TreeSet<>(route.held()))) {
            throw new IllegalArgumentException("rank " + self + " brings the shards of the nodes " + nodes.keySet()
                    + ", but those of " + route.held() + " are its own");
        }
        for (int chunk = 0; chunk < chunks.count(); chunk++) {
            for (Move move : route.moves()) {
                up(move, chunk, nodes);
            }
            if (self == 0) {
                pass(held(nodes, 1), chunk);
            }
        }
        // All of this rank's sums are on their way in buffers of their own, so one of its arrays can take the total.
        ShardSum total = self == 0
                ? held(nodes, 1)
                : down(mine.values().iterator().next().gradient());
        mailbox.next();
        return total;
    }

    /**
     * After the last step: waits until all that was sent has left this process and the ranks below this one have closed
     * their links, which they do when they have the total. Then this rank's links can be closed.
     *
     * <p>Two ranks talk over two connections, one for each direction, and on the other side the end of one can be noticed
     * before the last bytes of the other: a rank that left at once would be taken for dead by one that still has its
     * total to read.
     */
    public void finish() {
        outbox.flush(mailbox.step());
        for (int child : ranks.children(self)) {
            mailbox.awaitLeft(child, links.name(child), deadline);
        }
    }

    /**
     * Tells the others why this rank cannot go on, before its connections close: else each would blame the neighbour that
     * left first.
     */
    public void leave(Throwable reason) {
        if (Thread.currentThread().isInterrupted()) {
            return; // Cancelled from outside, because somebody else failed: that one has said so.
        }
        String why = reason instanceof PeerException
                ? String.valueOf(reason.getMessage())
                : "step " + mailbox.step() + ": rank " + self + " (" + links.name(self) + ") failed: " + reason;
        links.tellAll(new Abort(plan, self, why).encode());
    }

    private void up(Move move, int chunk, Map<Integer, ShardSum> nodes) {
        if (move instanceof Move.Send send) {
            outbox.send(label(Kind.UP, send.right(), chunk), held(nodes, send.right()), List.of(send.to()));
        } else if (move instanceof Move.Receive receive) {
            ShardSum left = held(nodes, receive.left());
            ShardSum part = take(Kind.UP, receive.right(), chunk, receive.from());
            left.addRange(part.gradient(), 0, chunks.from(chunk), part.gradient().length);
            if (chunk == 0) {
                left.addScalars(part.loss(), part.weight(), part.examples());
                nodes.put(receive.left() / 2, left);
            }
        } else if (move instanceof Move.Add add) {
            ShardSum left = held(nodes, add.left());
            ShardSum right = held(nodes, add.right());
            left.addRange(right.gradient(), chunks.from(chunk), chunks.from(chunk), chunks.size(chunk));
            if (chunk == 0) {
                left.addScalars(right.loss(), right.weight(), right.examples());
                nodes.put(add.left() / 2, left);
            }
        }
    }

    /** The total as it comes from the parent, passed on to the children. */
    private ShardSum down(float[] gradient) {
        ShardSum total = new ShardSum(0, 0, 0, gradient);
        for (int chunk = 0; chunk < chunks.count(); chunk++) {
            ShardSum part = take(Kind.DOWN, 1, chunk, ranks.parent(self));
            System.arraycopy(part.gradient(), 0, gradient, chunks.from(chunk), part.gradient().length);
            if (chunk == 0) {
                total.addScalars(part.loss(), part.weight(), part.examples());
            }
            pass(total, chunk);
        }
        return total;
    }

    private void pass(ShardSum total, int chunk) {
        List<Integer> children = ranks.children(self);
        if (!children.isEmpty()) {
            outbox.send(label(Kind.DOWN, 1, chunk), total, children);
        }
    }

    private ShardSum held(Map<Integer, ShardSum> nodes, int node) {
        ShardSum sum = nodes.get(node);
        if (sum == null) {
            throw new IllegalStateException("rank " + self + " does not hold node " + node + " at its turn");
        }
        return sum;
    }

    private Label label(Kind kind, int node, int chunk) {
        return new Label(plan, kind, self, mailbox.step(), new Place(node, chunk));
    }

    private ShardSum take(Kind kind, int node, int chunk, int from) {
        return mailbox.take(kind, new Place(node, chunk), from, links.name(from), deadline)
                .part();
    }
}
