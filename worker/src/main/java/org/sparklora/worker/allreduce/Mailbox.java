package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.allreduce.Frame.NodeChunk;

/**
 * Frames that have arrived and are not taken yet. Network threads put frames, the rank's own thread takes them.
 *
 * <p>Every total needs every rank, so a peer can be ahead by one step at most, and a mailbox holds at most two steps. The first
 * failure, here or of a peer, ends all waiting.
 */
public final class Mailbox {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrived = lock.newCondition();
    private final Map<Key, Frame> frames = new HashMap<>();
    private final long sessionId;
    private final Chunks chunks;
    private final RankMap ranks;
    private final int self;
    private final String[] lastHeard;
    private final boolean[] lost;
    private long step;

    /** Used by the rank's own thread only. */
    private long waitedNanos;

    private @Nullable RuntimeException failure;

    private record Key(long step, Kind kind, NodeChunk part) {}

    /**
     * Creates the mailbox of one rank for one segment.
     *
     * @param sessionId identifies the segment: frames of another one are rejected
     * @param floats number of values of the gradient
     * @param self this rank
     * @param firstStep global number of the segment's first step
     */
    public Mailbox(long sessionId, int floats, RankMap ranks, int self, long firstStep) {
        this.sessionId = sessionId;
        this.chunks = new Chunks(floats);
        this.ranks = ranks;
        this.self = self;
        this.step = firstStep;
        this.lost = new boolean[ranks.ranks()];
        this.lastHeard = new String[ranks.ranks()];
        Arrays.fill(lastHeard, "nothing yet");
    }

    /**
     * Accepts a message from the network. A wrong message ends the segment.
     *
     * @return the sender; empty for a wrong message
     */
    public OptionalInt put(ByteBuffer message) {
        try {
            // Outside the lock, since checking and copying take most of the time.
            PeerMessage decoded = PeerMessage.decode(message, chunks);
            lock.lock();
            try {
                requirePeer(decoded);
                if (decoded instanceof Abort abort) {
                    fail(new PeerException(abort.reason()));
                } else if (decoded instanceof Frame frame) {
                    store(frame);
                }
                arrived.signalAll();
                return OptionalInt.of(decoded.sender());
            } finally {
                lock.unlock();
            }
        } catch (ProtocolException e) {
            fail(e);
            return OptionalInt.empty();
        }
    }

    private void requirePeer(PeerMessage message) {
        if (message.sessionId() != sessionId) {
            throw new ProtocolException("a frame of another segment arrived (" + Long.toHexString(message.sessionId())
                    + " instead of " + Long.toHexString(sessionId) + ")");
        }
        int sender = message.sender();
        if (sender < 0 || sender >= ranks.ranks() || sender == self) {
            throw new ProtocolException(
                    "a frame arrived from rank " + sender + ", which is not a peer of rank " + self + " of " + ranks.ranks());
        }
    }

    private void store(Frame frame) {
        Frame.Label label = frame.label();
        int sender = label.sender();
        if (label.step() != step && label.step() != step + 1) {
            throw new ProtocolException("rank " + sender + " sent step " + label.step() + " at step " + step);
        }
        int node = label.part().node();
        boolean allowed = label.kind() == Kind.UP
                ? node > 1 && node < 2 * ranks.shards() && ranks.owner(node) == sender && ranks.owner(node / 2) == self
                : node == 1 && self != 0 && ranks.parent(self) == sender;
        if (!allowed) {
            throw new ProtocolException("rank " + sender + " sent " + label.kind() + " node " + node
                    + ", which it must not send to rank " + self);
        }
        if (frames.putIfAbsent(new Key(label.step(), label.kind(), label.part()), frame) != null) {
            throw new ProtocolException("rank " + sender + " sent chunk "
                    + label.part().chunk() + " of node " + node + " of step " + label.step() + " twice");
        }
        lastHeard[sender] = label.kind() + " of step " + label.step();
    }

    /**
     * Records that a connection with a rank closed, so that nobody waits for it any more. Frames in the mailbox stay valid.
     * Frames over another connection may be late, which is why no rank leaves before the ranks that wait for it.
     */
    public void lost(int rank) {
        lock.lock();
        try {
            lost[rank] = true;
            arrived.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Ends all waiting, now and later, with the first reason. */
    public void fail(RuntimeException reason) {
        lock.lock();
        try {
            if (failure == null) {
                failure = reason;
            }
            arrived.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The reason why the segment cannot continue, if there is one. */
    public Optional<RuntimeException> problem() {
        lock.lock();
        try {
            return Optional.ofNullable(failure);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for a frame of the current step.
     *
     * @param from the rank that sends it
     * @param name the rank's host and port, for messages
     */
    Frame take(Kind kind, NodeChunk part, int from, String name, Duration deadline) {
        Key key = new Key(step, kind, part);
        String expected = kind == Kind.UP ? "its gradient" : "the sum";
        long left = deadline.toNanos();
        lock.lock();
        try {
            while (true) {
                requireNoFailure();
                Frame frame = frames.remove(key);
                if (frame != null) {
                    return frame;
                }
                if (lost[from]) {
                    throw silence(from, name, expected, "is lost");
                }
                left = awaitSignal(left, from, name, expected, deadline);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits until a rank that needs nothing more from this one has closed its connections. */
    void awaitLeft(int rank, String name, Duration deadline) {
        long left = deadline.toNanos();
        lock.lock();
        try {
            while (!lost[rank]) {
                requireNoFailure();
                left = awaitSignal(left, rank, name, "its end", deadline);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits for the next event, and returns the nanoseconds that are left. */
    @SuppressWarnings("WaitNotInLoop") // the callers loop
    private long awaitSignal(long left, int from, String name, String expected, Duration deadline) {
        if (left <= 0) {
            throw silence(from, name, expected, "is silent for " + deadline.toMillis() + " ms");
        }
        try {
            long still = arrived.awaitNanos(left);
            waitedNanos += left - still;
            return still;
        } catch (InterruptedException e) {
            throw PeerException.cancelled("step " + step + ": ", e);
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

    private PeerException silence(int from, String name, String expected, String what) {
        return new PeerException("step " + step + ": rank " + from + " (" + name + ") " + what + "; expected from it: " + expected
                + "; last received from it: " + lastHeard[from]);
    }

    /** Ends the current step, whose frames are all taken. */
    void next() {
        lock.lock();
        try {
            step++;
        } finally {
            lock.unlock();
        }
    }

    long step() {
        return step;
    }
}
