package org.sparklora.driver.watch.progress;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.run.history.HistoryEvent.GroupChange;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * The progress of a run: its current state, for gauges, and its lines on a terminal or in a log file. Lines are each epoch's
 * start and end, each group change, and steps as often as the screen allows.
 *
 * <p>Call order: for each epoch {@link #epochStart}, {@link #step} after each step or segment, {@link #epochEnd}. Steps that
 * are reported by {@link #step} count for good. Steps that are {@link #underWay} belong to a segment that still runs; its
 * result replaces them. Speed and time left are measured over the steps of the current epoch, since freezing changes the cost
 * of a step and the cache is filled only once. Thread-safe.
 */
public final class Progress {

    private final Clock clock;
    private final Screen screen;
    private Position at = new Position(0, 0, 0, 0);
    private FreezeState groups = FreezeState.of(Map.of());
    private long trainableParameters;
    private double loss = Double.NaN;
    private double gradNorm = Double.NaN;

    private Instant lastStatus;
    private Instant epochStarted;

    /** From when on time counts for the speed. */
    private Instant stepsStarted;

    private Instant lastStep;
    private int stepsBefore;
    private long examplesDone;
    private long examplesUnderWay;

    /** A terminal or a log file. */
    public interface Screen {

        /** Prints a line, given without its line end. */
        void line(String text);

        /** Shows the state of the steps. A terminal replaces the last status, a log file gets another line. */
        void status(String text);

        /** Minimum time between two calls of {@link #status}. */
        Duration interval();
    }

    /**
     * The state at one point in time.
     *
     * @param trainableParameters at the start of the epoch
     */
    public record Snapshot(Position at, FreezeState groups, long trainableParameters, StepStats stats) {}

    /**
     * Values of the newest step, and speed in the current epoch.
     *
     * @param loss NaN before the first step
     * @param gradNorm before clipping; NaN before the first step
     * @param left time to the end of the last epoch; empty before the first step
     */
    public record StepStats(double loss, double gradNorm, double examplesPerSecond, Optional<Duration> left) {}

    public Progress(Clock clock, Screen screen) {
        this.clock = clock;
        this.screen = screen;
        this.lastStatus = clock.instant();
        this.epochStarted = lastStatus;
        this.stepsStarted = lastStatus;
        this.lastStep = lastStatus;
    }

    /** An epoch, or the rest of one after a resume, starts; {@code where} counts the steps done before it. */
    public synchronized void epochStart(Position where, FreezeState now, long parameters) {
        at = where;
        groups = now;
        trainableParameters = parameters;
        epochStarted = clock.instant();
        lastStatus = epochStarted;
        stepsStart();
        screen.line(ProgressLine.epochStart(where, now, parameters));
    }

    /** Starts to measure speed; the time before does not count. */
    private void stepsStart() {
        stepsBefore = at.stepsDone();
        examplesDone = 0;
        examplesUnderWay = 0;
        stepsStarted = clock.instant();
        lastStep = stepsStarted;
    }

    /** A group thawed, froze or was added. */
    public synchronized void groupChange(Position where, GroupChange change, String group, String reason) {
        Map<String, GroupState> states = new TreeMap<>(groups.states());
        states.put(group, change.state());
        groups = FreezeState.of(states);
        screen.line(ProgressLine.groupChange(where, change, group, reason));
    }

    /** Steps up to {@code where} are done; loss and norm are those of the last one. */
    public synchronized void step(Position where, double newestLoss, double newestGradNorm, int stepExamples) {
        examplesDone += stepExamples;
        underWay(where, newestLoss, newestGradNorm, 0);
    }

    /** Steps of a segment that still runs are done, over {@code segmentExamples} of that segment. */
    public synchronized void underWay(Position where, double newestLoss, double newestGradNorm, long segmentExamples) {
        at = where;
        loss = newestLoss;
        gradNorm = newestGradNorm;
        examplesUnderWay = segmentExamples;
        lastStep = clock.instant();
        if (Duration.between(lastStatus, lastStep).compareTo(screen.interval()) >= 0) {
            lastStatus = lastStep;
            screen.status(ProgressLine.step(snapshot()));
        }
    }

    /** The activation cache is filled; the time until now does not count as step time. */
    public synchronized void cached(String line) {
        stepsStart();
        screen.line(line);
    }

    /** Prints a line. */
    public synchronized void note(String line) {
        screen.line(line);
    }

    /** An epoch is complete; {@code padding} is the share of padding in what its steps computed. */
    public synchronized void epochEnd(
            Position where, double trainLoss, double padding, Map<String, ? extends Number> validation) {
        Duration took = Duration.between(epochStarted, clock.instant());
        screen.line(ProgressLine.epochSummary(where, took, trainLoss, padding, validation));
    }

    /** Everything at this point in time. */
    public synchronized Snapshot snapshot() {
        double seconds = Duration.between(stepsStarted, lastStep).toNanos() / 1e9;
        double rate = seconds > 0 ? (examplesDone + examplesUnderWay) / seconds : 0;
        int steps = at.stepsDone() - stepsBefore;
        int stepsLeft = Math.max(0, at.steps() - at.stepsDone());
        Optional<Duration> left = steps < 1
                ? Optional.empty()
                : Optional.of(Duration.ofMillis((long) (1000 * seconds / steps * stepsLeft)));
        return new Snapshot(at, groups, trainableParameters, new StepStats(loss, gradNorm, rate, left));
    }
}
