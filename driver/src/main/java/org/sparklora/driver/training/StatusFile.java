package org.sparklora.driver.training;

import java.io.Closeable;
import java.io.IOException;
import org.sparklora.driver.run.history.LeasedRunDirectory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;
import org.sparklora.worker.contract.CodedException;

/**
 * The run's {@code status.json}. A shutdown hook writes {@code cancelled} when the process is told to stop.
 *
 * <p>Nothing is written without the lease of the directory, which {@link #claim} takes: the directory may hold another run.
 * Thread-safe, because the hook's thread writes beside the run's.
 */
final class StatusFile {

    private static final String STOPPED = CodedException.withCode(
            "cancelled.signal",
            "cancelled: the process was told to stop; run again with --resume to continue from the newest checkpoint");

    private final LeasedRunDirectory directory;
    private final Closeable end;
    private final Thread hook = new Thread(this::cancelled, "spark-lora status");

    /** @param end what the hook closes after it has written the status */
    StatusFile(LeasedRunDirectory directory, Closeable end) {
        this.directory = directory;
        this.end = end;
    }

    /** Registers the shutdown hook. */
    void watchShutdown() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Takes the directory for this run. */
    void claim() throws IOException {
        directory.write(RunStatus.FILE, RunStatus.running().toJson());
    }

    /** Writes that the run finished, even if the process is being stopped. */
    void finished(String adapterSha256) throws IOException {
        end(RunStatus.finished(adapterSha256), RunStatus.finished(adapterSha256));
    }

    /** Writes that the run ended here, and goes on later. */
    void paused(String why) throws IOException {
        end(RunStatus.cancelled(why), RunStatus.cancelled(STOPPED));
    }

    /** What a run does when it has ended. */
    @FunctionalInterface
    interface Ending {

        void end(Outcome outcome) throws IOException;
    }

    /**
     * Writes why the run ended early, and ends it. If the process is being stopped, that is the cause, and the run is cancelled.
     * An error meanwhile is added to the failure and does not replace it.
     *
     * @return whether the process is being stopped; the shutdown hook prints that
     */
    boolean failed(Throwable failure, Ending ending) {
        ExitCode code = ExitCode.of(failure);
        String message = ExitCode.message(failure);
        Outcome outcome = code == ExitCode.CANCELLED ? Outcome.CANCELLED : Outcome.FAILED;
        try {
            boolean stopping = end(
                    code == ExitCode.CANCELLED ? RunStatus.cancelled(message) : RunStatus.failed(code.code(), message),
                    RunStatus.cancelled(STOPPED));
            if (stopping) {
                outcome = Outcome.CANCELLED;
                return true;
            }
            if (!directory.isHeld() && !directory.isLost()) {
                Console.progress("the run in " + directory.location() + " is unchanged");
            }
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
        } finally {
            try {
                ending.end(outcome);
            } catch (IOException | RuntimeException e) {
                failure.addSuppressed(e);
            }
        }
        return false;
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
        try (end) {
            write(RunStatus.cancelled(STOPPED));
            Console.progress("spark-lora: " + STOPPED);
        } catch (IOException | RuntimeException e) {
            Console.progress("spark-lora: "
                    + CodedException.withCode(
                            "output.status", "the end of the run cannot be recorded: " + e.getMessage()));
        }
    }

    private synchronized void write(RunStatus status) throws IOException {
        if (directory.isHeld()) {
            directory.write(RunStatus.FILE, status.toJson());
        }
    }
}
