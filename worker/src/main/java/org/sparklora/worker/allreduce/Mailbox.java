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
import org.sparklora.worker.allreduce.Frame.Place;

/**
 * Frames that have arrived and were not asked for yet. Network threads put, the rank's own thread takes.
 *
 * <p>A peer can be ahead by one step at most, since every total needs every rank; so a mailbox never holds more than two
 * steps, whatever peers send. The first failure, here or of a peer, ends all waiting.
 */
public final class Mailbox {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrived = lock.newCondition();
    private final Map<Key, Frame> frames = new HashMap<>();
    private final long plan;
    private final Chunks chunks;
    private final RankMap ranks;
    private final int self;
    private final String[] lastHeard;
    private final boolean[] lost;
    private long step;

    /** Written and read by the rank's own thread. */
    private long waitedNanos;

    private @Nullable RuntimeException failure;

    private record Key(long step, Kind kind, Place place) {}

    /**
     * A mailbox of one rank for one stage.
     *
     * @param plan number of the stage: frames of another are refused
     * @param floats size of the gradient in float32 values
     * @param self this rank
     * @param firstStep the step, counted over the run, that the stage begins with
     */
    public Mailbox(long plan, int floats, RankMap ranks, int self, long firstStep) {
        this.plan = plan;
        this.chunks = new Chunks(floats);
        this.ranks = ranks;
        this.self = self;
        this.step = firstStep;
        this.lost = new boolean[ranks.ranks()];
        this.lastHeard = new String[ranks.ranks()];
        Arrays.fill(lastHeard, "nothing yet");
    }

    /**
     * Takes a message from the network. A message that is wrong in any way ends the stage.
     *
     * @return the rank that sent it; empty for a wrong message
     */
    public OptionalInt put(ByteBuffer message) {
        try {
            // Outside the lock: checking and copying is most of the work.
            PeerMessage decoded = PeerMessage.decode(message, chunks);
            lock.lock();
            try {
                requirePeer(decoded);
                if (decoded instanceof Abort abort) {
                    fail(new PeerException(abort.reason()));
                } else if (decoded instanceof Frame frame) {
                    keep(frame);
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
        if (message.plan() != plan) {
            throw new ProtocolException("a frame of another plan came (" + Long.toHexString(message.plan())
                    + " instead of " + Long.toHexString(plan) + ")");
        }
        int sender = message.sender();
        if (sender < 0 || sender >= ranks.ranks() || sender == self) {
            throw new ProtocolException(
                    "a frame came from rank " + sender + ", which is no peer of rank " + self + " of " + ranks.ranks());
        }
    }

    private void keep(Frame frame) {
        Frame.Label label = frame.label();
        int sender = label.sender();
        if (label.step() != step && label.step() != step + 1) {
            throw new ProtocolException("rank " + sender + " sent step " + label.step() + " at step " + step);
        }
        int node = label.place().node();
        boolean right = label.kind() == Kind.UP
                ? node > 1 && node < 2 * ranks.shards() && ranks.owner(node) == sender && ranks.owner(node / 2) == self
                : node == 1 && self != 0 && ranks.parent(self) == sender;
        if (!right) {
            throw new ProtocolException("rank " + sender + " sent " + label.kind() + " node " + node
                    + ", which is not for it to send to rank " + self);
        }
        if (frames.putIfAbsent(new Key(label.step(), label.kind(), label.place()), frame) != null) {
            throw new ProtocolException("rank " + sender + " sent chunk "
                    + label.place().chunk() + " of node " + node + " of step " + label.step() + " twice");
        }
        lastHeard[sender] = label.kind() + " of step " + label.step();
    }

    /**
     * A connection with a rank closed: waiting for what it did not send makes no sense. What is in the mailbox counts;
     * what comes over another connection may be late, which is why no rank leaves before those that wait for it.
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

    /** Ends all waiting, now and later; the first reason counts. */
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

    /** Why the stage cannot go on, if so. */
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
     * @param from the rank that is due to send it, and its name, for the message
     */
    Frame take(Kind kind, Place place, int from, String name, Duration deadline) {
        Key key = new Key(step, kind, place);
        String due = kind == Kind.UP ? "its gradient" : "the sum";
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
                    throw silence(from, name, due, "is lost");
                }
                if (left <= 0) {
                    throw silence(from, name, due, silentFor(deadline));
                }
                long still = arrived.awaitNanos(left);
                waitedNanos += left - still;
                left = still;
            }
        } catch (InterruptedException e) {
            throw cancelled(e);
        } finally {
            lock.unlock();
        }
    }

    /** Waits until a rank, which has all it needs from this one, has closed its connections. */
    void awaitLeft(int rank, String name, Duration deadline) {
        long left = deadline.toNanos();
        lock.lock();
        try {
            while (!lost[rank]) {
                requireNoFailure();
                if (left <= 0) {
                    throw silence(rank, name, "its leaving", silentFor(deadline));
                }
                long still = arrived.awaitNanos(left);
                waitedNanos += left - still;
                left = still;
            }
        } catch (InterruptedException e) {
            throw cancelled(e);
        } finally {
            lock.unlock();
        }
    }

    /** How long the rank's own thread has waited for others in all; for that thread alone. */
    public long waitedNanos() {
        return waitedNanos;
    }

    private void requireNoFailure() {
        if (failure != null) {
            // What a peer gave as its reason says its step already.
            String where = failure instanceof PeerException ? "" : "step " + step + ": ";
            throw new PeerException(where + failure.getMessage(), failure);
        }
    }

    private PeerException cancelled(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new PeerException("step " + step + ": the task was cancelled", e);
    }

    private static String silentFor(Duration deadline) {
        return "is silent for " + deadline.toMillis() + " ms";
    }

    private PeerException silence(int from, String name, String due, String what) {
        return new PeerException("step " + step + ": rank " + from + " (" + name + ") " + what + "; due from it: " + due
                + "; last heard of it: " + lastHeard[from]);
    }

    /** The current step is done: its frames are all taken. */
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
