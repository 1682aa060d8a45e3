package org.sparklora.worker.allreduce;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.sparklora.worker.allreduce.Frame.ChunkKey;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.allreduce.Route.Move;
import org.sparklora.worker.allreduce.Route.Total;
import org.sparklora.worker.contract.ShardSum;

/**
 * Computes the sum over all shards on every rank, along the {@link ShardTree}: each sum goes up to the owner of the parent node,
 * and the total comes down the same way. Every rank calls {@link #sum} once a step, and {@link #finish} after the last step.
 *
 * <p>Gradients are divided into {@link Chunks}, and each chunk has other owners of the nodes. So every rank sends and receives
 * about two gradients a step, whatever the number of ranks, and talks to few others: with 2ⁿ ranks to n. A rank waits only for
 * what others send before they wait themselves at the same depth, so ranks cannot deadlock.
 *
 * <p>Not thread-safe. The caller closes the transport.
 */
public final class TreeAllReduce {

    private final long sessionId;
    private final int self;
    private final Mailbox mailbox;
    private final Transport transport;
    private final Duration deadline;
    private final ShardTree tree;
    private final Route route;
    /** The totals that other ranks send, in the order of their ways: none waits for a later one. */
    private final List<Total> arriving;

    private final Chunks chunks;
    private final Outbox outbox;

    /**
     * Creates the all-reduce of one rank for one segment.
     *
     * @param sessionId identifies the segment, the same on every rank
     * @param floats number of values of the gradient
     * @param deadline how long a rank that others wait for may give no sign of life
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
        this.self = self;
        this.mailbox = mailbox;
        this.transport = transport;
        this.deadline = deadline;
        this.tree = new ShardTree(ranks.shards());
        this.chunks = new Chunks(floats, ranks.ranks());
        this.route = Route.of(ranks, self, chunks);
        this.arriving = route.totals().stream()
                .filter(total -> total.parent() != self)
                .sorted(Comparator.comparingInt(Total::depth))
                .toList();
        this.outbox = new Outbox(sessionId, self, transport, chunks, deadline);
    }

    /** Returns the total of a step, from the sums of this rank's shards by leaf. Overwrites the given sums. */
    public ShardSum sum(Map<Integer, ShardSum> own) {
        mailbox.computes(Pulse.NONE);
        Map<Integer, ShardSum> nodes = new TreeMap<>(tree.combine(own, ShardSum::add));
        if (!nodes.keySet().equals(new TreeSet<>(route.held()))) {
            throw new IllegalArgumentException("rank " + self + " has the sums of nodes " + nodes.keySet()
                    + ", but must have those of " + route.held());
        }
        List<ShardSum> slots = List.copyOf(nodes.values());
        for (Move move : route.moves()) {
            up(move, slots);
            if (move.completes()) {
                Total total = route.totals().get(move.chunk());
                pass(total, slots.get(total.slot()));
            }
        }
        // This rank's sums are in the buffers of the outbox, so one of its arrays can be reused for the total.
        ShardSum total = down(slots);
        mailbox.next();
        return total;
    }

    /**
     * Call this after the last step, before closing the transport. It waits until all messages have left this process, and until
     * the ranks that receive totals from this one have said that they have them.
     *
     * <p>Two ranks use one connection for each direction. The other side may notice the end of one before it has read the last
     * bytes of the other, so a rank that left at once would seem lost to a rank that still reads its total.
     */
    public void finish() {
        outbox.flush(mailbox.step());
        arriving.stream().map(Total::parent).distinct().forEach(parent -> tell(parent, mailbox.pulse(false)));
        route.totals().stream()
                .flatMap(total -> total.children().stream())
                .distinct()
                .forEach(child -> mailbox.awaitDone(peer(child)));
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

    private void up(Move move, List<ShardSum> slots) {
        ShardSum own = slots.get(move.slot());
        int chunk = move.chunk();
        // Addition of two numbers gives the same bits in either order, so it does not matter which side was received.
        switch (move.action()) {
            case SEND -> outbox.send(key(Kind.UP, move.node(), chunk), own, List.of(move.peer()));
            case RECEIVE -> add(own, take(Kind.UP, move.node(), chunk, move.peer()), 0, chunk);
            case ADD -> add(own, slots.get(move.other()), chunks.from(chunk), chunk);
        }
    }

    /** Adds a chunk, which starts at {@code source} in the other sum. */
    private void add(ShardSum own, ShardSum other, int source, int chunk) {
        own.addRange(other.gradient(), source, chunks.from(chunk), chunks.size(chunk));
        if (chunk == 0) {
            own.addScalars(other);
        }
    }

    /** Puts the total together, from the chunks whose root this rank owns and from those that it receives and passes on. */
    private ShardSum down(List<ShardSum> slots) {
        float[] gradient = slots.get(0).gradient();
        ShardSum first = slots.get(route.totals().get(0).slot());
        for (Total total : route.totals()) {
            if (total.parent() == self) {
                copy(slots.get(total.slot()).gradient(), chunks.from(total.chunk()), gradient, total.chunk());
            }
        }
        for (Total total : arriving) {
            ShardSum part = take(Kind.DOWN, 1, total.chunk(), total.parent());
            copy(part.gradient(), 0, gradient, total.chunk());
            pass(total, withGradient(part, gradient));
            if (total.chunk() == 0) {
                first = part;
            }
        }
        return withGradient(first, gradient);
    }

    private void copy(float[] from, int source, float[] gradient, int chunk) {
        System.arraycopy(from, source, gradient, chunks.from(chunk), chunks.size(chunk));
    }

    private static ShardSum withGradient(ShardSum scalars, float[] gradient) {
        return new ShardSum(scalars.loss(), scalars.weight(), scalars.examples(), scalars.padding(), gradient);
    }

    private void pass(Total total, ShardSum sum) {
        if (!total.children().isEmpty()) {
            outbox.send(key(Kind.DOWN, 1, total.chunk()), sum, total.children());
        }
    }

    private ChunkKey key(Kind kind, int node, int chunk) {
        return new ChunkKey(kind, mailbox.step(), node, chunk);
    }

    private ShardSum take(Kind kind, int node, int chunk, int from) {
        return mailbox.take(key(kind, node, chunk), peer(from));
    }

    private Mailbox.Peer peer(int rank) {
        return new Mailbox.Peer(rank, transport.name(rank), deadline, () -> tell(rank, mailbox.pulse(true)));
    }

    /** Sends a pulse. Nothing waits for its way: a rank that misses one asks again. */
    private void tell(int rank, Pulse pulse) {
        CompletableFuture<Void> unused = transport.send(rank, pulse.encode());
    }
}
