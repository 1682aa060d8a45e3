package org.sparklora.driver.watch.tracking;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.StoredHistory;
import org.sparklora.driver.run.history.StoredHistory.Chunk;
import org.sparklora.driver.watch.tracking.Destination.RefusedException;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;

/**
 * Sends the lines of a history to one destination on its own daemon thread: those published earlier, which it reads from the
 * run directory, then those that it is given. {@link #published} never blocks. Lines that cannot be sent wait for the next
 * attempt, which happens with the next lines. Only the first failure is reported.
 */
final class Delivery {

    /** Maximum number of lines that wait, about 30 MB. Later lines appear only in the history. */
    static final int MAX_WAITING = 100_000;

    /** Maximum wait at the end for a destination that answers: it may have to receive the adapter. */
    private static final Duration LAST_UPLOAD = Duration.ofSeconds(30);

    /** Maximum wait at the end for a destination whose last attempt failed. */
    private static final Duration LAST_ATTEMPT = Duration.ofSeconds(5);

    /** Lines, or the end of the run. */
    private record Batch(List<String> lines, @Nullable Outcome end) {}

    private final Destination destination;
    private final StoredHistory earlier;
    private final Consumer<String> warnings;
    private final BlockingQueue<Batch> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicBoolean ended = new AtomicBoolean();
    private final Thread thread;

    /** Whether the last attempt failed. {@link #end} reads it on another thread. */
    private volatile boolean failing;

    private boolean warned;
    private boolean overflowed;

    private Delivery(Destination destination, StoredHistory earlier, Consumer<String> warnings) {
        this.destination = destination;
        this.earlier = earlier;
        this.warnings = warnings;
        this.thread = new Thread(this::run, "spark-lora tracking");
        thread.setDaemon(true);
    }

    /** Starts the thread. */
    static Delivery start(Destination destination, StoredHistory earlier, Consumer<String> warnings) {
        Delivery delivery = new Delivery(destination, earlier, warnings);
        delivery.thread.start();
        return delivery;
    }

    /** Queues lines. */
    synchronized void published(List<String> lines) {
        // Without the thread, the destination refused the run and a warning said so.
        if (!thread.isAlive() || overflowed) {
            return;
        }
        int before = waiting.get();
        // An empty queue accepts any number of lines, so that a long segment is shown.
        if (before > 0 && before + lines.size() > MAX_WAITING) {
            overflow();
            return;
        }
        waiting.addAndGet(lines.size());
        queue.add(new Batch(lines, null));
    }

    /** Permanent: metrics with a gap would show a run that did not happen. */
    private synchronized void overflow() {
        overflowed = true;
        warnings.accept(destination.name() + ": more than " + MAX_WAITING
                + " events are waiting; later events are only in history.jsonl");
    }

    /** Sends what is left and waits for it for a bounded time. */
    void end(Outcome outcome) {
        if (ended.getAndSet(true)) {
            return;
        }
        queue.add(new Batch(List.of(), outcome));
        Duration max = failing ? LAST_ATTEMPT : LAST_UPLOAD;
        try {
            thread.join(max.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            thread.interrupt();
            if (!failing) {
                warnings.accept(destination.name() + " did not accept everything within " + max.toSeconds()
                        + " s after the run ended; the run directory is complete");
            }
        }
    }

    private void run() {
        List<HistoryLine> unsent = new ArrayList<>();
        try {
            if (!sendEarlier(unsent)) {
                overflow();
                return;
            }
            @Nullable Outcome end = null;
            while (end == null) {
                List<Batch> batches = new ArrayList<>(List.of(queue.take()));
                queue.drainTo(batches);
                for (Batch batch : batches) {
                    parse(batch.lines(), unsent);
                }
                end = batches.get(batches.size() - 1).end();
                attempt(unsent, end);
            }
        } catch (InterruptedException e) {
            // end() stopped waiting and reported it.
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            warn(e.getMessage() + "; the run continues without it");
        } catch (RuntimeException e) {
            // An exception on this thread must be visible, but must not end the run.
            warn("failed: " + e + "; the run continues without it");
        }
        queue.clear();
    }

    /** Sends the lines published earlier in parts. Returns whether what could not be sent is few enough to wait. */
    private boolean sendEarlier(List<HistoryLine> unsent) throws IOException, InterruptedException {
        Chunk chunk = earlier.chunk(0);
        while (!chunk.lines().isEmpty()) {
            waiting.addAndGet(chunk.lines().size());
            parse(chunk.lines(), unsent);
            if (unsent.size() > MAX_WAITING) {
                return false;
            }
            attempt(unsent, null);
            chunk = earlier.chunk(chunk.end());
        }
        return true;
    }

    private static void parse(List<String> lines, List<HistoryLine> into) throws IOException {
        for (String line : lines) {
            into.add(HistoryLine.parse(line));
        }
    }

    private void attempt(List<HistoryLine> unsent, @Nullable Outcome end) throws IOException, InterruptedException {
        try {
            if (!unsent.isEmpty()) {
                destination.send(List.copyOf(unsent));
                waiting.addAndGet(-unsent.size());
                unsent.clear();
            }
            failing = false;
            if (end != null) {
                destination.finish(end);
            }
        } catch (RefusedException e) {
            throw e;
        } catch (IOException | OutputException e) {
            failing = true;
            warn("is not reachable (" + reason(e) + "); the run continues and retries with the next events");
        }
    }

    private static String reason(Exception e) {
        // Java's HTTP client reports a refused connection without a message, and sometimes with a cause without one.
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t.getMessage() != null) {
                // The part after the semicolon is advice about a run's own output.
                return t.getMessage().replaceFirst("(?s)(;|\n).*", "");
            }
        }
        return e.getClass().getSimpleName();
    }

    private void warn(String what) {
        if (!warned) {
            warned = true;
            warnings.accept(destination.name() + " " + what);
        }
    }
}
