package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.sparklora.worker.contract.ShardSum;

/**
 * Sends chunks from a ring of buffers. A buffer is reused when the operating system has its bytes. Buffers are allocated when
 * they are first needed, so a single rank has none.
 */
final class Outbox {

    /** Enough that encoding a gradient of 1 MB does not wait for the network; 4 MiB in total. */
    private static final int BUFFERS = 16;

    private final long sessionId;
    private final int self;
    private final Transport transport;
    private final Chunks chunks;
    private final Duration deadline;
    private final List<Slot> ring = new ArrayList<>();
    private int next;

    private record Slot(ByteBuffer buffer, List<Sent> pending) {}

    private record Sent(int rank, CompletableFuture<Void> written) {}

    Outbox(long sessionId, int self, Transport transport, Chunks chunks, Duration deadline) {
        this.sessionId = sessionId;
        this.self = self;
        this.transport = transport;
        this.chunks = chunks;
        this.deadline = deadline;
    }

    /** Sends a chunk of a sum. The sum may change when this returns. */
    void send(Frame.ChunkKey key, ShardSum sum, List<Integer> ranks) {
        if (next == ring.size()) {
            ring.add(new Slot(ByteBuffer.allocateDirect(Frame.bytes(chunks.maxSize())), new ArrayList<>()));
        }
        Slot slot = ring.get(next);
        next = (next + 1) % BUFFERS;
        await(slot, key.step());
        ByteBuffer message = Frame.encode(sessionId, self, key, sum, chunks, slot.buffer);
        for (int rank : ranks) {
            slot.pending.add(new Sent(rank, transport.send(rank, message.duplicate())));
        }
    }

    /** Waits until the operating system has all bytes. */
    void flush(long step) {
        ring.forEach(slot -> await(slot, step));
    }

    private void await(Slot slot, long step) {
        for (Sent sent : slot.pending) {
            try {
                sent.written.get(deadline.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                throw new PeerException(
                        "step " + step + ": rank " + sent.rank + " (" + transport.name(sent.rank)
                                + ") accepts no bytes for " + deadline.toMillis() + " ms",
                        e);
            } catch (ExecutionException e) {
                Throwable reason = e.getCause() == null ? e : e.getCause();
                throw new PeerException("step " + step + ": " + reason.getMessage(), reason);
            } catch (InterruptedException e) {
                throw PeerException.cancelled("step " + step + ": ", e);
            }
        }
        slot.pending.clear();
    }
}
