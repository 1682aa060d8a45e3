package org.sparklora.driver.watch.progress;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * The current state of a run, for progress lines and gauges. Speed and time left are measured over the steps of the current
 * epoch, since freezing changes the cost of a step and the cache is filled only once.
 *
 * <p>Steps that are {@link #done} count for good. Steps that are {@link #underWay} belong to a segment that still runs; its
 * result replaces them. Thread-safe.
 */
public final class RunMeter {

    private final Clock clock;
    private Position at = new Position(0, 0, 0, 0);
    private FreezeState groups = FreezeState.of(Map.of());
    private long trainableParameters;
    private double loss = Double.NaN;
    private double gradNorm = Double.NaN;

    private Instant epochStarted;

    /** From when on time counts for the speed. */
    private Instant stepsStarted;

    private Instant lastStep;
    private int stepsBefore;
    private long examplesDone;
    private long examplesUnderWay;

    public RunMeter(Clock clock) {
        this.clock = clock;
        this.epochStarted = clock.instant();
        this.stepsStarted = epochStarted;
        this.lastStep = epochStarted;
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

    /** An epoch, or the rest of one after a resume, starts; {@code where} counts the steps done before it. */
    public synchronized void epochStart(Position where, FreezeState now, long parameters) {
        at = where;
        groups = now;
        trainableParameters = parameters;
        epochStarted = clock.instant();
        stepsStart();
    }

    /** Starts to measure speed; the time before does not count. */
    public synchronized void stepsStart() {
        stepsBefore = at.stepsDone();
        examplesDone = 0;
        examplesUnderWay = 0;
        stepsStarted = clock.instant();
        lastStep = stepsStarted;
    }

    /** A group has a new state. */
    public synchronized void groupChange(String group, GroupState now) {
        Map<String, GroupState> states = new TreeMap<>(groups.states());
        states.put(group, now);
        groups = FreezeState.of(states);
    }

    /** Steps up to {@code where} are done, over {@code examples}. */
    public synchronized void done(Position where, double newestLoss, double newestGradNorm, long examples) {
        examplesDone += examples;
        update(where, newestLoss, newestGradNorm, 0);
    }

    /** A running segment has reached {@code where}, over {@code examples} since the last step that is done. */
    public synchronized void underWay(Position where, double newestLoss, double newestGradNorm, long examples) {
        update(where, newestLoss, newestGradNorm, examples);
    }

    private void update(Position where, double newestLoss, double newestGradNorm, long ahead) {
        at = where;
        loss = newestLoss;
        gradNorm = newestGradNorm;
        examplesUnderWay = ahead;
        lastStep = clock.instant();
    }

    /** Everything at this point in time. */
    public synchronized Snapshot snapshot() {
        double seconds = Duration.between(stepsStarted, lastStep).toNanos() / 1e9;
        double rate = seconds > 0 ? (examplesDone + examplesUnderWay) / seconds : 0;
        int steps = at.stepsDone() - stepsBefore;
        Optional<Duration> left = steps < 1
                ? Optional.empty()
                : Optional.of(
                        Duration.ofMillis((long) (1000 * seconds / steps * Math.max(0, at.steps() - at.stepsDone()))));
        return new Snapshot(at, groups, trainableParameters, new StepStats(loss, gradNorm, rate, left));
    }

    /** Time since the current epoch started. */
    synchronized Duration epochDuration() {
        return Duration.between(epochStarted, clock.instant());
    }
}
