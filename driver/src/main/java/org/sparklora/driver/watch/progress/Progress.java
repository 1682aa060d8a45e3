package org.sparklora.driver.watch.progress;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.sparklora.driver.run.history.HistoryEvent;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.driver.watch.progress.RunMeter.Numbers;
import org.sparklora.driver.watch.progress.RunMeter.Reading;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * Decides which progress lines a person sees: every epoch's start and end and every change of a group, and of the steps
 * as much as the screen bears. Its numbers are those of a {@link RunMeter}, which it keeps up to date.
 *
 * <p>Call order: for each epoch {@link #epochStart}, {@link #step} after each step or segment, {@link #epochEnd}; {@link
 * #underWay} whenever something is known of a segment that runs. Safe from any thread.
 */
public final class Progress {

    private final RunMeter meter;
    private final Clock clock;
    private final Screen screen;

    private Instant lastStatus;

    public Progress(RunMeter meter, Clock clock, Screen screen) {
        this.meter = meter;
        this.clock = clock;
        this.screen = screen;
        this.lastStatus = clock.instant();
    }

    /** An epoch, or the rest of one after a resume, begins; {@code at} counts the steps done before it. */
    public synchronized void epochStart(Position at, FreezeState now, HistoryEvent.EpochStart.Cost cost) {
        meter.epochStart(at, now, cost);
        lastStatus = clock.instant();
        screen.line(ProgressLine.epochStart(at, now, cost));
    }

    /** A group thawed, froze or was added. */
    public synchronized void groupChange(Position at, HistoryEvent.GroupChange change) {
        meter.moved(
                change.group(),
                switch (change.kind()) {
                    case THAW -> GroupState.LIVE;
                    case FREEZE -> GroupState.FROZEN;
                    case ADD -> GroupState.DORMANT;
                });
        screen.line(ProgressLine.groupChange(at, change));
    }

    /** Steps are done; loss and norm are those of the last. */
    public synchronized void step(Position at, double loss, double gradNorm, int stepExamples) {
        meter.done(at, loss, gradNorm, stepExamples);
        showStatus();
    }

    /** Steps of a segment that runs; the examples are those of the segment so far. */
    public synchronized void underWay(Position at, double loss, double gradNorm, long segmentExamples) {
        meter.underWay(at, loss, gradNorm, segmentExamples);
        showStatus();
    }

    private void showStatus() {
        Instant now = clock.instant();
        if (Duration.between(lastStatus, now).compareTo(screen.interval()) < 0) {
            return;
        }
        lastStatus = now;
        Reading reading = meter.reading();
        Numbers numbers = reading.numbers();
        screen.status(ProgressLine.step(
                reading.at(), numbers.loss(), numbers.examplesPerSecond(), numbers.left(), reading.groups()));
    }

    /** What steps start from is kept; until now they have waited for it. */
    public synchronized void kept(String line) {
        meter.stepsBegin();
        screen.line(line);
    }

    /** Something out of the ordinary. */
    public synchronized void note(String line) {
        screen.line(line);
    }

    /** An epoch is over; {@code padding} is the part of what its steps computed that was padding. */
    public synchronized void epochEnd(
            Position at, double trainLoss, double padding, Map<String, ? extends Number> validation) {
        screen.line(ProgressLine.epochSummary(at, meter.epochTook(), trainLoss, padding, validation));
    }
}
