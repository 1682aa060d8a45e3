package org.sparklora.driver.report;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.sparklora.driver.report.ProgressLine.Position;
import org.sparklora.worker.contract.FreezeState;

/**
 * Decides which progress lines a person sees: every epoch's start and end and every change of a group, and of the steps
 * one line per interval at most.
 *
 * <p>Call order: for each epoch {@link #epochStart}, {@link #step} after each step, {@link #epochEnd}. Speed and time
 * left come from the epoch under way, since freezing changes what a step costs. Not thread-safe.
 */
public final class Progress {

    private final Clock clock;
    private final Duration interval;
    private final Consumer<String> lines;

    private FreezeState state = FreezeState.of(Map.of());
    private Instant epochBegan;
    private Instant lastLine;
    private int stepsBefore;
    private long examples;

    /**
     * @param interval between two lines about steps
     * @param lines takes each line, without a line end; stderr, usually
     */
    public Progress(Clock clock, Duration interval, Consumer<String> lines) {
        this.clock = clock;
        this.interval = interval;
        this.lines = lines;
        this.epochBegan = clock.instant();
        this.lastLine = epochBegan;
    }

    /** An epoch, or the rest of one after a resume, begins; {@code at} counts the steps done before it. */
    public void epochStart(Position at, FreezeState now, HistoryEvent.EpochStart.Cost cost) {
        state = now;
        stepsBefore = at.stepsDone();
        examples = 0;
        epochBegan = clock.instant();
        lastLine = epochBegan;
        lines.accept(ProgressLine.epochStart(at, now, cost));
    }

    /** A group thawed, froze or was added. */
    public void groupChange(Position at, HistoryEvent.GroupChange change) {
        lines.accept(ProgressLine.groupChange(at, change));
    }

    /** A step is done. */
    public void step(Position at, double loss, int stepExamples) {
        examples += stepExamples;
        Instant now = clock.instant();
        if (Duration.between(lastLine, now).compareTo(interval) < 0) {
            return;
        }
        lastLine = now;
        double seconds = Duration.between(epochBegan, now).toNanos() / 1e9;
        int done = at.stepsDone() - stepsBefore;
        Optional<Duration> left = done < 1
                ? Optional.empty()
                : Optional.of(
                        Duration.ofMillis((long) (1000 * seconds / done * Math.max(0, at.steps() - at.stepsDone()))));
        lines.accept(ProgressLine.step(at, loss, seconds > 0 ? examples / seconds : 0, left, state));
    }

    /** Something out of the ordinary. */
    public void note(String line) {
        lines.accept(line);
    }

    /** An epoch is over; {@code padding} is the part of what its steps computed that was padding. */
    public void epochEnd(Position at, double trainLoss, double padding, Map<String, ? extends Number> validation) {
        Duration took = Duration.between(epochBegan, clock.instant());
        lines.accept(ProgressLine.epochSummary(at, took, trainLoss, padding, validation));
    }
}
