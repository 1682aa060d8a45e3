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
import org.sparklora.driver.run.history.OutputException;

/**
 * Brings published lines to one destination, on a daemon thread of its own. {@link #published} never waits. What cannot be
 * sent waits here for the next attempt, which comes with the next lines; the first failure is told, the others are not.
 */
final class Delivery {

    /** Lines that wait for a destination that is away, about 30 MB; what follows then is in the history alone. */
    static final int MOST_WAITING = 100_000;

    /** Longest wait at the end for a destination that answers: an adapter has to be uploaded. */
    private static final Duration LAST_UPLOAD = Duration.ofSeconds(30);

    /** The same for one that did not answer the last time. */
    private static final Duration LAST_ATTEMPT = Duration.ofSeconds(5);

    /** Lines, or the end. */
    private record Parcel(List<String> lines, @Nullable Outcome end) {}

    private final Destination destination;
    private final Consumer<String> warnings;
    private final BlockingQueue<Parcel> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicBoolean ended = new AtomicBoolean();
    private final Thread thread;

    /** Whether the last attempt failed. Read by who waits for the end. */
    private volatile boolean failing;

    private boolean warned;
    private boolean overflowed;

    private Delivery(Destination destination, Consumer<String> warnings) {
        this.destination = destination;
        this.warnings = warnings;
        this.thread = new Thread(this::run, "spark-lora tracking");
        thread.setDaemon(true);
    }

    /** Begins to deliver. */
    static Delivery start(Destination destination, Consumer<String> warnings) {
        Delivery delivery = new Delivery(destination, warnings);
        delivery.thread.start();
        return delivery;
    }

    /** Takes lines along. */
    synchronized void published(List<String> lines) {
        if (!thread.isAlive()) {
            return; // It was refused, and has said so.
        }
        int before = waiting.get();
        // However long, what comes to an empty queue is taken: the history of a run that goes on.
        if (overflowed || (before > 0 && before + lines.size() > MOST_WAITING)) {
            if (!overflowed) {
                warnings.accept(destination.name() + ": more than " + MOST_WAITING
                        + " events wait to be sent; what follows is in history.jsonl alone");
            }
            // For good: numbers with a gap would look like a run that was not.
            overflowed = true;
            return;
        }
        waiting.addAndGet(lines.size());
        queue.add(new Parcel(lines, null));
    }

    /** The run is over: sends what is left, and waits for that as long as is right for an end. */
    void end(Outcome outcome) {
        if (ended.getAndSet(true)) {
            return;
        }
        queue.add(new Parcel(List.of(), outcome));
        Duration most = failing ? LAST_ATTEMPT : LAST_UPLOAD;
        try {
            thread.join(most.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            thread.interrupt();
            if (!failing) {
                warnings.accept(destination.name() + " did not take everything within " + most.toSeconds()
                        + " s of the run's end; the run directory has it");
            }
        }
    }

    private void run() {
        List<HistoryLine> unsent = new ArrayList<>();
        try {
            while (true) {
                List<Parcel> parcels = new ArrayList<>(List.of(queue.take()));
                queue.drainTo(parcels);
                parcels.forEach(parcel -> parcel.lines().forEach(line -> unsent.add(HistoryLine.of(line))));
                @Nullable Outcome end = parcels.get(parcels.size() - 1).end();
                attempt(unsent, end);
                if (end != null) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            // The end has waited long enough, and has said so.
            Thread.currentThread().interrupt();
        } catch (RefusedException e) {
            warn(e.getMessage() + "; the run goes on without it");
        } catch (RuntimeException e) {
            // Nobody else would see what a thread of its own throws, and the run must not end for it.
            warn("fails by " + e + "; the run goes on without it");
        }
        queue.clear();
    }

    private void attempt(List<HistoryLine> unsent, @Nullable Outcome end)
            throws InterruptedException, RefusedException {
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
            warn("cannot be reached (" + reason(e)
                    + "); the run goes on, and tries again whenever it has more to tell");
        }
    }

    private static String reason(Exception e) {
        // A refused connection has no message in Java's HTTP client, and its cause may have none either.
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t.getMessage() != null) {
                // What comes behind is advice for a run's own output.
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
