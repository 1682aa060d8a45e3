package org.sparklora.worker.allreduce;

import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.Frame.ChunkKey;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.contract.ShardSum;

/**
 * Messages that have arrived and are not taken yet. Network threads put them, the rank's own thread takes them.
 *
 * <p>Every total needs every rank, so a peer can be ahead by one step at most, and a mailbox holds at most two steps. The first
 * failure, here or of a peer, ends all waiting.
 *
 * <p>A rank that waits asks the other one for a {@link Pulse} in intervals. As long as answers or frames come, it waits: the other
 * rank is slow. It is silent after {@link #MAX_UNANSWERED} intervals without either. Intervals are counted, not time, so a rank
 * whose own process was stopped blames no other.
 */
public final class Mailbox {

    /** Number of intervals in the time limit of a wait. */
    static final int MAX_UNANSWERED = 30;

    private static final System.Logger LOG = System.getLogger(Mailbox.class.getName());

    private final Map<ChunkKey, ShardSum> parts = new HashMap<>();
    private final long sessionId;
    private final Chunks chunks;
    private final RankMap ranks;
    private final int self;
    private final Lock lock;
    private final Condition changed;
    private final String[] lastHeard;
    private final @Nullable Pulse[] pulses;
    private final boolean[] heard;
    private final boolean[] named;
    private final boolean[] lost;
    private long step;
    private volatile int shard = Pulse.NONE;

    /** Used by the rank's own thread only. */
    private long waitedNanos;

    private volatile @Nullable RuntimeException failure;

    /**
     * A rank that this one waits for.
     *
     * @param name the rank's host and port, for messages
     * @param deadline how long it may give no sign of life
     * @param ask asks it for a pulse
     */
    record Peer(int rank, String name, Duration deadline, Runnable ask) {

        @Override
        public String toString() {
            return "rank " + rank + " (" + name + ")";
        }
    }

    /**
     * Creates the mailbox of one rank for one segment.
     *
     * @param sessionId identifies the segment: frames of another one are rejected
     * @param floats number of values of the gradient
     * @param self this rank
     * @param firstStep global number of the segment's first step
     */
    public Mailbox(long sessionId, int floats, RankMap ranks, int self, long firstStep) {
        this(sessionId, floats, ranks, self, firstStep, new ReentrantLock());
    }

    /** Creates a mailbox whose waits are those of a lock's condition, which a test can let pass without time. */
    Mailbox(long sessionId, int floats, RankMap ranks, int self, long firstStep, Lock lock) {
        this.sessionId = sessionId;
        this.chunks = new Chunks(floats, ranks.ranks());
        this.ranks = ranks;
        this.self = self;
        this.step = firstStep;
        this.lock = lock;
        this.changed = lock.newCondition();
        this.lost = new boolean[ranks.ranks()];
        this.heard = new boolean[ranks.ranks()];
        this.named = new boolean[ranks.ranks()];
        this.pulses = new Pulse[ranks.ranks()];
        this.lastHeard = new String[ranks.ranks()];
        Arrays.fill(lastHeard, "nothing yet");
    }

    /**
     * Accepts a message from the network. A wrong message ends the segment.
     *
     * @param answer sends a message back to the sender; must not block
     * @return the sender; empty for a wrong message
     */
    public OptionalInt put(ByteBuffer message, Consumer<ByteBuffer> answer) {
        try {
            // Outside the lock, since checking and copying take most of the time.
            PeerMessage decoded = PeerMessage.decode(message, chunks);
            locked(() -> accept(decoded));
            if (decoded instanceof Pulse pulse && pulse.asks()) {
                answer.accept(pulse(false).encode());
            }
            return OptionalInt.of(decoded.sender());
        } catch (ProtocolException e) {
            fail(e);
            return OptionalInt.empty();
        }
    }

    /** Runs a change and wakes the rank's own thread. */
    private void locked(Runnable change) {
        lock.lock();
        try {
            change.run();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void accept(PeerMessage message) {
        requirePeer(message);
        heard[message.sender()] = true;
        if (message instanceof Abort abort) {
            fail(new PeerException(abort.reason()));
        } else if (message instanceof Frame frame) {
            store(frame.sender(), frame.key(), frame.part());
        } else if (message instanceof Pulse pulse) {
            pulses[pulse.sender()] = pulse;
        }
    }

    private void requirePeer(PeerMessage message) {
        if (message.sessionId() != sessionId) {
            throw new ProtocolException("a frame of another segment arrived (" + Long.toHexString(message.sessionId())
                    + " instead of " + Long.toHexString(sessionId) + ")");
        }
        int sender = message.sender();
        if (sender < 0 || sender >= ranks.ranks() || sender == self) {
            throw new ProtocolException("a frame arrived from rank " + sender + ", which is not a peer of rank " + self
                    + " of " + ranks.ranks());
        }
    }

    private void store(int sender, ChunkKey key, ShardSum part) {
        if (key.step() != step && key.step() != step + 1) {
            throw new ProtocolException("rank " + sender + " sent step " + key.step() + " at step " + step);
        }
        int node = key.node();
        boolean allowed = key.kind() == Kind.UP
                ? node > 1 && node < 2 * ranks.shards() && owner(node, key) == sender && owner(node / 2, key) == self
                : node == 1
                        && owner(1, key) != self
                        && owner(ranks.top(self, chunks.turns(key.chunk())) / 2, key) == sender;
        if (!allowed) {
            throw new ProtocolException("rank " + sender + " sent " + key.kind() + " node " + node
                    + ", which it must not send to rank " + self);
        }
        if (parts.putIfAbsent(key, part) != null) {
            throw new ProtocolException("rank " + sender + " sent chunk " + key.chunk() + " of node " + node
                    + " of step " + key.step() + " twice");
        }
        lastHeard[sender] = key.kind() + " of step " + key.step();
    }

    private int owner(int node, ChunkKey key) {
        return ranks.owner(node, chunks.turns(key.chunk()));
    }

    /**
     * Records that a connection with a rank closed, so that nobody waits for it any more. Frames in the mailbox stay valid.
     * Frames over another connection may be late, which is why no rank leaves before the ranks that wait for it.
     */
    public void lost(int rank) {
        locked(() -> lost[rank] = true);
    }

    /** Ends all waiting, now and later, with the first reason. */
    public void fail(RuntimeException reason) {
        locked(() -> {
            if (failure == null) {
                failure = reason;
            }
        });
    }

    /** The reason why the segment cannot continue, if there is one. */
    public Optional<RuntimeException> problem() {
        return Optional.ofNullable(failure);
    }

    /** Says what this rank computes from now on, for ranks that ask. */
    public void computes(int nextShard) {
        shard = nextShard;
    }

    /** Where this rank is. */
    Pulse pulse(boolean asks) {
        lock.lock();
        try {
            return new Pulse(sessionId, self, asks, step, shard);
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a frame of the current step. */
    ShardSum take(ChunkKey key, Peer from) {
        return await(from, key.kind() == Kind.UP ? "its gradient" : "the sum", () -> parts.remove(key));
    }

    /** Waits until a rank has the totals of all steps before the current one, or has closed its connections after that. */
    void awaitDone(Peer from) {
        await(from, "its end", () -> {
            Pulse last = pulses[from.rank];
            boolean has = last != null && last.step() >= step;
            boolean done = has || lost[from.rank];
            return done ? true : null;
        });
    }

    private <T> T await(Peer from, String expected, Supplier<@Nullable T> arrived) {
        int unanswered = 0;
        locked(() -> heard[from.rank] = false);
        while (true) {
            lock.lock();
            try {
                T value = awaitInterval(from, expected, arrived);
                if (value != null) {
                    return value;
                }
                unanswered = heard[from.rank] ? 0 : unanswered + 1;
                heard[from.rank] = false;
                nameIfSlow(from);
            } catch (InterruptedException e) {
                throw PeerException.cancelled("step " + step + ": ", e);
            } finally {
                lock.unlock();
            }
            if (unanswered == MAX_UNANSWERED) {
                throw silence(from, expected, "is silent for " + from.deadline.toMillis() + " ms");
            }
            // Not under the lock, because this may open a connection.
            from.ask.run();
        }
    }

    /** Waits for one interval, and returns what has arrived, or null. */
    @SuppressWarnings("WaitNotInLoop") // the loop ends with the interval
    private <T> @Nullable T awaitInterval(Peer from, String expected, Supplier<@Nullable T> arrived)
            throws InterruptedException {
        long left = from.deadline.toNanos() / MAX_UNANSWERED;
        while (true) {
            requireNoFailure();
            T value = arrived.get();
            if (value != null) {
                return value;
            }
            if (lost[from.rank]) {
                throw silence(from, expected, "is lost");
            }
            if (left <= 0) {
                return null;
            }
            long next = changed.awaitNanos(left);
            waitedNanos += left - next;
            left = next;
        }
    }

    /** Logs once in a segment that a rank still computes while this one waits. */
    private void nameIfSlow(Peer peer) {
        Pulse last = pulses[peer.rank];
        if (last != null && last.step() == step && last.shard() != Pulse.NONE && !named[peer.rank]) {
            named[peer.rank] = true;
            LOG.log(
                    Level.WARNING,
                    peer + " is slow: it computes shard " + last.shard() + " of step " + step + " while rank " + self
                            + " waits");
        }
    }

    /** Total time that the rank's own thread has waited for others; call it from that thread. */
    public long waitedNanos() {
        return waitedNanos;
    }

    private void requireNoFailure() {
        if (failure != null) {
            // The reason of a peer names its step already.
            String where = failure instanceof PeerException ? "" : "step " + step + ": ";
            throw new PeerException(where + failure.getMessage(), failure);
        }
    }

    private PeerException silence(Peer from, String expected, String what) {
        return new PeerException("step " + step + ": " + from + " " + what + "; expected from it: " + expected
                + "; last received from it: " + lastHeard[from.rank]);
    }

    /** Ends the current step, whose frames are all taken. */
    void next() {
        locked(() -> step++);
    }

    long step() {
        return step;
    }
}
