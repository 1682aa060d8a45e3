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
    private final int floats;
    private final RankMap ranks;
    private final int self;
    private final String[] lastHeard;
    private final boolean[] lost;
    private long step;
    private @Nullable RuntimeException failure;

    private record Key(long step, Kind kind, int node) {}

    /**
     * @param plan of the stage
     * @param floats size of the gradient
     * @param firstStep the step that the stage begins with
     */
    public Mailbox(long plan, int floats, RankMap ranks, int self, long firstStep) {
        this.plan = plan;
        this.floats = floats;
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
        lock.lock();
        try {
            Frame frame = Frame.decode(message, floats);
            require(frame);
            if (frames.put(new Key(frame.step(), frame.kind(), frame.sum().node()), frame) != null) {
                throw new ProtocolException("rank " + frame.sender() + " sent node "
                        + frame.sum().node() + " of step " + frame.step() + " twice");
            }
            lastHeard[frame.sender()] = frame.kind() + " of step " + frame.step();
            arrived.signalAll();
            return OptionalInt.of(frame.sender());
        } catch (ProtocolException e) {
            fail(e);
            return OptionalInt.empty();
        } finally {
            lock.unlock();
        }
    }

    private void require(Frame frame) {
        if (frame.plan() != plan) {
            throw new ProtocolException("a frame of another plan came (" + Long.toHexString(frame.plan())
                    + " instead of " + Long.toHexString(plan) + ")");
        }
        if (frame.sender() < 0 || frame.sender() >= ranks.ranks() || frame.sender() == self) {
            throw new ProtocolException("a frame came from rank " + frame.sender() + ", which is no peer of rank "
                    + self + " of " + ranks.ranks());
        }
        if (frame.step() != step && frame.step() != step + 1) {
            throw new ProtocolException("rank " + frame.sender() + " sent step " + frame.step() + " at step " + step);
        }
        int node = frame.sum().node();
        boolean right = frame.kind() == Kind.UP
                ? node > 1
                        && node < 2 * ranks.shards()
                        && ranks.owner(node) == frame.sender()
                        && ranks.owner(node / 2) == self
                : node == 1 && self != 0 && ranks.parent(self) == frame.sender();
        if (!right) {
            throw new ProtocolException("rank " + frame.sender() + " sent " + frame.kind() + " node " + node
                    + ", which is not for it to send to rank " + self);
        }
    }

    /**
     * A rank's connection closed: waiting for what it did not send makes no sense. What it sent counts, and so a rank
     * that leaves after its last step harms nobody.
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
    Frame take(Kind kind, int node, int from, String name, Duration deadline) {
        Key key = new Key(step, kind, node);
        long left = deadline.toNanos();
        lock.lock();
        try {
            while (true) {
                if (failure != null) {
                    throw new PeerException("step " + step + ": " + failure.getMessage(), failure);
                }
                Frame frame = frames.remove(key);
                if (frame != null) {
                    return frame;
                }
                if (lost[from]) {
                    throw silence(from, name, kind, "is lost");
                }
                if (left <= 0) {
                    throw silence(from, name, kind, "is silent for " + deadline.toMillis() + " ms");
                }
                left = arrived.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerException("step " + step + ": the task was cancelled", e);
        } finally {
            lock.unlock();
        }
    }

    private PeerException silence(int from, String name, Kind due, String what) {
        return new PeerException("step " + step + ": rank " + from + " (" + name + ") " + what + "; due from it: "
                + (due == Kind.UP ? "its gradient" : "the sum") + "; last heard of it: " + lastHeard[from]);
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
