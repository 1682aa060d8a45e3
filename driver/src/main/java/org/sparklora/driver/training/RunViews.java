package org.sparklora.driver.training;

import java.io.IOException;
import java.time.Clock;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.watch.report.Language;
import org.sparklora.driver.watch.report.RunReport;
import org.sparklora.driver.watch.tracking.Tracking;

/**
 * Shows a run to people: its report page, and its tracking server if the job names one. An error here never fails the run.
 *
 * <p>Call order: {@link #begin}, {@link #writePage} after each epoch, {@link #end} once the status is written. Thread-safe,
 * because the process may be told to stop at any time.
 */
final class RunViews {

    private final JobConfig job;
    private final RunDirectory directory;
    private final Clock clock;
    private final RunReport page;

    private boolean pageFailed;
    private Tracking tracking = Tracking.none();

    RunViews(JobConfig job, RunDirectory directory, Clock clock) {
        this.job = job;
        this.directory = directory;
        this.clock = clock;
        this.page = new RunReport(directory);
    }

    /** Starts tracking, from the first line of the history on. */
    synchronized void begin(RunHistory history) throws IOException {
        tracking = Tracking.open(
                job,
                history.published(),
                new Tracking.Environment(
                        directory,
                        Locations::directory,
                        System.getenv(),
                        line -> Console.err("%s: warning: %s", job.name(), line),
                        clock));
        history.listen(tracking::published);
    }

    /**
     * Writes the final report page, which tracking then uploads.
     *
     * @param claimed whether the directory belongs to this run; if not, its page may be that of another run and stays
     */
    void end(Tracking.Outcome outcome, boolean claimed) {
        Tracking last;
        synchronized (this) {
            if (claimed) {
                writePage();
            }
            last = tracking;
        }
        // Not synchronized: an upload takes long, and a shutdown meanwhile must not wait for it.
        last.end(outcome);
    }

    /** The line about the report page in the run's summary. */
    synchronized String summary() {
        return pageFailed ? "" : "\nits report is in " + directory.location() + "/" + RunReport.FILE;
    }

    /** Updates the report page. */
    synchronized void writePage() {
        try {
            page.write(Language.EN);
        } catch (IOException | RuntimeException e) {
            if (!pageFailed) {
                Console.progress("warning: " + RunReport.FILE + " cannot be written; the run continues without it: "
                        + e.getMessage());
            }
            pageFailed = true;
        }
    }
}
