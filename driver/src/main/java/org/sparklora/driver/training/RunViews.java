package org.sparklora.driver.training;

import java.io.IOException;
import java.time.Clock;
import org.sparklora.driver.cluster.RunDirectories;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.watch.report.Language;
import org.sparklora.driver.watch.report.RunReport;
import org.sparklora.driver.watch.tracking.Tracking;

/**
 * Where people look at a run: its report page, and what its job tracks it with. Nothing here fails a run. Call order: {@link
 * #claimed}, {@link #begin} when the run starts, {@link #epochEnded}, {@link #end} when the status is written. Safe from any thread:
 * the process may be told to stop at any time.
 */
public final class RunViews {

    private final JobConfig job;
    private final RunDirectory directory;
    private final Clock clock;
    private final RunReport page;

    private boolean claimed;
    private boolean pageFailed;
    private Tracking tracking = Tracking.none();

    public RunViews(JobConfig job, RunDirectory directory, Clock clock) {
        this.job = job;
        this.directory = directory;
        this.clock = clock;
        this.page = new RunReport(directory);
    }

    /** The directory is this run's from now on; until then its page is another's. */
    public synchronized void claimed() {
        claimed = true;
    }

    /** Shows the run elsewhere, too, from its first line on. */
    public synchronized void begin(RunHistory history) {
        tracking = Tracking.open(
                job,
                new Tracking.Environment(
                        directory,
                        RunDirectories::of,
                        System.getenv(),
                        line -> Console.err("%s: warning: %s", job.name(), line),
                        clock));
        history.listen(tracking::published);
    }

    /** An epoch's end is published. */
    public synchronized void epochEnded() {
        writePage();
    }

    /** The run is over; its page first, which goes along. */
    public void end(Tracking.Outcome outcome) {
        Tracking last;
        synchronized (this) {
            writePage();
            last = tracking;
        }
        // It may take its time to upload; whoever ends the process meanwhile must not wait for that.
        last.end(outcome);
    }

    /** What a summary says of them, on a line of its own. */
    public synchronized String summary() {
        return pageFailed ? "" : "\nits report is in " + directory.location() + "/" + RunReport.FILE;
    }

    private void writePage() {
        if (!claimed) {
            return;
        }
        try {
            page.write(Language.EN);
        } catch (IOException | RuntimeException e) {
            if (!pageFailed) {
                Console.progress("warning: " + RunReport.FILE + " cannot be written, and the run goes on without: "
                        + e.getMessage());
            }
            pageFailed = true;
        }
    }
}
