package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.Frame.ChunkKey;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.contract.ShardSum;

/**
 * Frames that have arrived and are not taken yet. Network threads put frames, the rank's own thread takes them.
 *
 * <p>Every total needs every rank, so a peer can be ahead by one step at most, and a mailbox holds at most two steps. The first
 * failure, here or of a peer, ends all waiting.
 */
public final class Mailbox {

    private final Map<ChunkKey, ShardSum> parts = new HashMap<>();
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
            accept(decoded);
            return OptionalInt.of(decoded.sender());
        } catch (ProtocolException e) {
            fail(e);
            return OptionalInt.empty();
        }
    }

    private synchronized void accept(PeerMessage message) {
        requirePeer(message);
        if (message instanceof Abort abort) {
            fail(new PeerException(abort.reason()));
        } else if (message instanceof Frame frame) {
            store(frame.sender(), frame.key(), frame.part());
        }
        notifyAll();
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
                ? node > 1 && node < 2 * ranks.shards() && ranks.owner(node) == sender && ranks.owner(node / 2) == self
                : node == 1 && self != 0 && ranks.parent(self) == sender;
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

    /**
     * Records that a connection with a rank closed, so that nobody waits for it any more. Frames in the mailbox stay valid.
     * Frames over another connection may be late, which is why no rank leaves before the ranks that wait for it.
     */
    public synchronized void lost(int rank) {
        lost[rank] = true;
        notifyAll();
    }

    /** Ends all waiting, now and later, with the first reason. */
    public synchronized void fail(RuntimeException reason) {
        if (failure == null) {
            failure = reason;
        }
        notifyAll();
    }

    /** The reason why the segment cannot continue, if there is one. */
    public synchronized Optional<RuntimeException> problem() {
        return Optional.ofNullable(failure);
    }

    /**
     * Waits for a frame of the current step.
     *
     * @param from the rank that sends it
     * @param name the rank's host and port, for messages
     */
    synchronized ShardSum take(ChunkKey key, int from, String name, Duration deadline) {
        String expected = key.kind() == Kind.UP ? "its gradient" : "the sum";
        long left = deadline.toNanos();
        while (true) {
            requireNoFailure();
            ShardSum part = parts.remove(key);
            if (part != null) {
                return part;
            }
            if (lost[from]) {
                throw silence(from, name, expected, "is lost");
            }
            left = awaitSignal(left, from, name, expected, deadline);
        }
    }

    /** Waits until a rank that needs nothing more from this one has closed its connections. */
    synchronized void awaitLeft(int rank, String name, Duration deadline) {
        long left = deadline.toNanos();
        while (!lost[rank]) {
            requireNoFailure();
            left = awaitSignal(left, rank, name, "its end", deadline);
        }
    }

    /** Waits for the next event, and returns the nanoseconds that are left. */
    @SuppressWarnings("WaitNotInLoop") // the callers loop
    private synchronized long awaitSignal(long left, int from, String name, String expected, Duration deadline) {
        if (left <= 0) {
            throw silence(from, name, expected, "is silent for " + deadline.toMillis() + " ms");
        }
        try {
            long began = System.nanoTime();
            // Rounded up, because waiting for 0 ms would be waiting for ever.
            wait(TimeUnit.NANOSECONDS.toMillis(left) + 1);
            long waited = System.nanoTime() - began;
            waitedNanos += waited;
            return left - waited;
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
        return new PeerException("step " + step + ": rank " + from + " (" + name + ") " + what + "; expected from it: "
                + expected + "; last received from it: " + lastHeard[from]);
    }

    /** Ends the current step, whose frames are all taken. */
    synchronized void next() {
        step++;
    }

    long step() {
        return step;
    }
}
