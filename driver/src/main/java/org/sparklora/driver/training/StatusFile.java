package org.sparklora.driver.training;

import java.io.IOException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;
import org.sparklora.worker.contract.CodedException;

/**
 * The run's {@code status.json}. A shutdown hook writes {@code cancelled} when the process is told to stop.
 *
 * <p>Nothing is written before {@link #claim}: until then the directory may hold another run. Thread-safe, because the hook's
 * thread writes beside the run's.
 */
final class StatusFile {

    private static final String STOPPED = CodedException.withCode(
            "cancelled.signal",
            "cancelled: the process was told to stop; run again with --resume to continue from the newest checkpoint");

    private final RunDirectory directory;
    private final RunViews views;
    private final Thread hook = new Thread(this::cancelled, "spark-lora status");
    private boolean claimed;

    StatusFile(RunDirectory directory, RunViews views) {
        this.directory = directory;
        this.views = views;
    }

    /** Registers the shutdown hook. */
    void watchShutdown() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Takes the directory for this run. */
    void claim() throws IOException {
        synchronized (this) {
            claimed = true;
        }
        write(RunStatus.running());
    }

    synchronized boolean isClaimed() {
        return claimed;
    }

    /** Writes that the run finished, even if the process is being stopped. */
    void finished(String adapterSha256) throws IOException {
        end(RunStatus.finished(adapterSha256), RunStatus.finished(adapterSha256));
    }

    /**
     * Writes why the run ended early.
     *
     * @return whether the process is being stopped; then the status is {@code cancelled} instead
     */
    boolean failed(RunStatus why) throws IOException {
        return end(why, RunStatus.cancelled(STOPPED));
    }

    private boolean end(RunStatus status, RunStatus ifStopping) throws IOException {
        boolean stopping;
        try {
            write(status);
        } finally {
            stopping = !ignoreShutdown();
        }
        if (stopping) {
            // The hook may have written before this thread did.
            write(ifStopping);
        }
        return stopping;
    }

    /** Removes the hook, which works only while the process is not being stopped. Returns whether it worked. */
    boolean ignoreShutdown() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
            return true;
        } catch (IllegalStateException stopping) {
            return false;
        }
    }

    private void cancelled() {
        try {
            write(RunStatus.cancelled(STOPPED));
            Console.progress("spark-lora: " + STOPPED);
        } catch (IOException | RuntimeException e) {
            Console.progress("spark-lora: "
                    + CodedException.withCode(
                            "output.status", RunStatus.FILE + " cannot be written: " + e.getMessage()));
        } finally {
            views.end(Outcome.CANCELLED, isClaimed());
        }
    }

    private synchronized void write(RunStatus status) throws IOException {
        if (claimed) {
            directory.write(RunStatus.FILE, status.toJson());
        }
    }
}
