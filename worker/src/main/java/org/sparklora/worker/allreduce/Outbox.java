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
 * Chunks on their way out: a ring of buffers, each used again when its bytes are with the operating system. Buffers are
 * made as they are needed: a rank alone needs none.
 */
final class Outbox {

    /** Enough that encoding never waits for the wire at 1 MB; 4 MiB in all. */
    private static final int BUFFERS = 16;

    private final Transport links;
    private final Chunks chunks;
    private final Duration deadline;
    private final List<Slot> ring = new ArrayList<>();
    private int next;

    private record Slot(ByteBuffer buffer, List<Sent> pending) {}

    private record Sent(int rank, CompletableFuture<Void> written) {}

    Outbox(Transport links, Chunks chunks, Duration deadline) {
        this.links = links;
        this.chunks = chunks;
        this.deadline = deadline;
    }

    /** Sends a chunk of a sum; when this returns the sum may change. */
    void send(Frame.Label label, ShardSum sum, List<Integer> ranks) {
        if (next == ring.size()) {
            ring.add(new Slot(ByteBuffer.allocateDirect(Frame.bytes(chunks.size(0))), new ArrayList<>()));
        }
        Slot slot = ring.get(next);
        next = (next + 1) % BUFFERS;
        await(slot, label.step());
        ByteBuffer message = Frame.encode(label, sum, chunks, slot.buffer);
        for (int rank : ranks) {
            slot.pending.add(new Sent(rank, links.send(rank, message.duplicate())));
        }
    }

    /** Waits until all is with the operating system. */
    void flush(long step) {
        ring.forEach(slot -> await(slot, step));
    }

    private void await(Slot slot, long step) {
        for (Sent sent : slot.pending) {
            try {
                sent.written.get(deadline.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                throw new PeerException(
                        "step " + step + ": rank " + sent.rank + " (" + links.name(sent.rank) + ") takes no bytes for "
                                + deadline.toMillis() + " ms",
                        e);
            } catch (ExecutionException e) {
                Throwable reason = e.getCause() == null ? e : e.getCause();
                throw new PeerException("step " + step + ": " + reason.getMessage(), reason);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new PeerException("step " + step + ": the task was cancelled", e);
            }
        }
        slot.pending.clear();
    }
}
