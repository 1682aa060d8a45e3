package org.sparklora.driver.watch.progress;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.FreezeState;

/**
 * Writes the progress lines of a run: each epoch's start and end, each group change, and steps as often as the screen
 * allows. It keeps a {@link RunMeter} up to date and reads its numbers from there.
 *
 * <p>Call order: for each epoch {@link #epochStart}, {@link #step} after each step or segment, {@link #epochEnd}. {@link
 * #underWay} reports steps of a segment that still runs. Thread-safe.
 */
public final class Progress {

    private final RunMeter meter;
    private final Clock clock;
    private final Screen screen;
    private Instant lastStatus;

    /** A terminal or a log file. */
    public interface Screen {

        /** Prints a line, given without its line end. */
        void line(String text);

        /** Shows the state of the steps. A terminal replaces the last status, a log file gets another line. */
        void status(String text);

        /** Minimum time between two calls of {@link #status}. */
        Duration interval();
    }

    public Progress(RunMeter meter, Clock clock, Screen screen) {
        this.meter = meter;
        this.clock = clock;
        this.screen = screen;
        this.lastStatus = clock.instant();
    }

    /** An epoch, or the rest of one after a resume, starts; {@code at} counts the steps done before it. */
    public synchronized void epochStart(Position at, FreezeState now, long trainableParameters) {
        meter.epochStart(at, now, trainableParameters);
        lastStatus = clock.instant();
        screen.line(ProgressLine.epochStart(at, now, trainableParameters));
    }

    /** A group thawed, froze or was added. */
    public synchronized void groupChange(Position at, GroupChange change, String group, String reason) {
        meter.groupChange(group, change.state());
        screen.line(ProgressLine.groupChange(at, change, group, reason));
    }

    /** Steps are done; loss and norm are those of the last one. */
    public synchronized void step(Position at, double loss, double gradNorm, int stepExamples) {
        meter.done(at, loss, gradNorm, stepExamples);
        showStatus();
    }

    /** Steps of a segment that still runs are done, over {@code segmentExamples} of that segment. */
    public synchronized void underWay(Position at, double loss, double gradNorm, long segmentExamples) {
        meter.underWay(at, loss, gradNorm, segmentExamples);
        showStatus();
    }

    private void showStatus() {
        Instant now = clock.instant();
        if (Duration.between(lastStatus, now).compareTo(screen.interval()) >= 0) {
            lastStatus = now;
            screen.status(ProgressLine.step(meter.snapshot()));
        }
    }

    /** The activation cache is filled; the time until now does not count as step time. */
    public synchronized void cached(String line) {
        meter.stepsStart();
        screen.line(line);
    }

    /** Prints a line. */
    public synchronized void note(String line) {
        screen.line(line);
    }

    /** An epoch is complete; {@code padding} is the share of padding in what its steps computed. */
    public synchronized void epochEnd(
            Position at, double trainLoss, double padding, Map<String, ? extends Number> validation) {
        screen.line(ProgressLine.epochSummary(at, meter.epochDuration(), trainLoss, padding, validation));
    }
}
