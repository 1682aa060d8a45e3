package org.sparklora.worker.allreduce;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.sparklora.worker.allreduce.Frame.ChunkKey;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.allreduce.Route.Move;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

/**
 * Computes the sum over all shards on every rank, along the {@link ShardTree}: each sum goes up to the owner of the parent node,
 * and the total comes down a binary tree over ranks. Every rank calls {@link #sum} once a step, and {@link #finish} after the
 * last step.
 *
 * <p>Gradients are sent in {@link Chunks}: while one chunk is added, the next one is sent, and the root passes a chunk of the
 * total down before it has received the next one. No rank waits for the total before it has sent all its own sums, so ranks
 * cannot deadlock.
 *
 * <p>Not thread-safe. The caller closes the transport.
 */
public final class TreeAllReduce {

    private final long sessionId;
    private final RankMap ranks;
    private final int self;
    private final Mailbox mailbox;
    private final Transport transport;
    private final Duration deadline;
    private final ShardTree tree;
    private final Route route;
    private final Chunks chunks;
    private final Outbox outbox;

    /**
     * Creates the all-reduce of one rank for one segment.
     *
     * @param sessionId identifies the segment, the same on every rank
     * @param floats number of values of the gradient
     * @param deadline maximum wait for any one message
     */
    public TreeAllReduce(
            long sessionId,
            int floats,
            RankMap ranks,
            int self,
            Mailbox mailbox,
            Transport transport,
            Duration deadline) {
        this.sessionId = sessionId;
        this.ranks = ranks;
        this.self = self;
        this.mailbox = mailbox;
        this.transport = transport;
        this.deadline = deadline;
        this.tree = new ShardTree(ranks.shards());
        this.route = Route.of(ranks, self);
        this.chunks = new Chunks(floats);
        this.outbox = new Outbox(sessionId, self, transport, chunks, deadline);
    }

    /** Returns the total of a step, from the sums of this rank's shards by leaf. Overwrites the given sums. */
    public ShardSum sum(Map<Integer, ShardSum> own) {
        Map<Integer, ShardSum> nodes = new TreeMap<>(tree.combine(own, ShardSum::add));
        if (!nodes.keySet().equals(new TreeSet<>(route.held()))) {
            throw new IllegalArgumentException("rank " + self + " has the sums of nodes " + nodes.keySet()
                    + ", but must have those of " + route.held());
        }
        for (int chunk = 0; chunk < chunks.count(); chunk++) {
            for (Move move : route.moves()) {
                up(move, chunk, nodes);
            }
            if (self == 0) {
                pass(held(nodes, 1), chunk);
            }
        }
        // This rank's sums are in the buffers of the outbox, so one of its arrays can be reused for the total.
        ShardSum total =
                self == 0 ? held(nodes, 1) : down(own.values().iterator().next().gradient());
        mailbox.next();
        return total;
    }

    /**
     * Call this after the last step, before closing the transport. It waits until all messages have left this process, and until
     * the ranks below this one have closed their connections, which they do once they have the total.
     *
     * <p>Two ranks use one connection for each direction. The other side may notice the end of one before it has read the last
     * bytes of the other, so a rank that left at once would seem lost to a rank that still reads its total.
     */
    public void finish() {
        outbox.flush(mailbox.step());
        for (int child : ranks.children(self)) {
            mailbox.awaitLeft(child, transport.name(child), deadline);
        }
    }

    /**
     * Sends the others the reason why this rank cannot continue, before its connections close. Otherwise each rank would blame the
     * neighbour that left first.
     */
    public void leave(Throwable reason) {
        if (Thread.currentThread().isInterrupted()) {
            return; // Spark cancelled the task because another one failed, which has sent its own reason.
        }
        String why = reason instanceof PeerException
                ? String.valueOf(reason.getMessage())
                : "step " + mailbox.step() + ": rank " + self + " (" + transport.name(self) + ") failed: " + reason;
        transport.broadcast(new Abort(sessionId, self, why).encode());
    }

    private void up(Move move, int chunk, Map<Integer, ShardSum> nodes) {
        int right = move.right();
        switch (move.action()) {
            case ADD -> add(move.left(), held(nodes, right), chunks.from(chunk), chunk, nodes);
            case RECEIVE -> add(move.left(), take(Kind.UP, right, chunk, move.peer()), 0, chunk, nodes);
            case SEND -> outbox.send(key(Kind.UP, right, chunk), held(nodes, right), List.of(move.peer()));
        }
    }

    /** Adds a chunk, which starts at {@code source} in the right sum, to the left sum. That becomes the parent's sum. */
    private void add(int leftNode, ShardSum right, int source, int chunk, Map<Integer, ShardSum> nodes) {
        ShardSum left = held(nodes, leftNode);
        left.addRange(right.gradient(), source, chunks.from(chunk), chunks.size(chunk));
        if (chunk == 0) {
            left.addScalars(right);
            nodes.put(leftNode / 2, left);
        }
    }

    /** Receives the total from the parent, and passes it on to the children. */
    private ShardSum down(float[] gradient) {
        ShardSum total = new ShardSum(0, 0, 0, Padding.NONE, gradient);
        for (int chunk = 0; chunk < chunks.count(); chunk++) {
            ShardSum part = take(Kind.DOWN, 1, chunk, ranks.parent(self));
            System.arraycopy(part.gradient(), 0, gradient, chunks.from(chunk), part.gradient().length);
            if (chunk == 0) {
                total.addScalars(part);
            }
            pass(total, chunk);
        }
        return total;
    }

    private void pass(ShardSum total, int chunk) {
        List<Integer> children = ranks.children(self);
        if (!children.isEmpty()) {
            outbox.send(key(Kind.DOWN, 1, chunk), total, children);
        }
    }

    private ShardSum held(Map<Integer, ShardSum> nodes, int node) {
        ShardSum sum = nodes.get(node);
        if (sum == null) {
            throw new IllegalStateException("rank " + self + " does not hold node " + node);
        }
        return sum;
    }

    private ChunkKey key(Kind kind, int node, int chunk) {
        return new ChunkKey(kind, mailbox.step(), node, chunk);
    }

    private ShardSum take(Kind kind, int node, int chunk, int from) {
        return mailbox.take(key(kind, node, chunk), from, transport.name(from), deadline);
    }
}
