package org.sparklora.driver.watch.progress;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.run.history.HistoryEvent.EpochStart.Cost;
import org.sparklora.driver.watch.progress.ProgressLine.Position;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * Where a run is: what progress lines and gauges show. Speed and time left come from the steps of the epoch under way, since
 * freezing changes what a step costs, and what a cache keeps is computed once.
 *
 * <p>Steps come in two kinds: those {@link #done}, which count, and those {@link #underWay}, which a segment tells of while
 * it runs, and which are forgotten when its result is there. Safe from any thread.
 */
public final class RunMeter {

    private final Clock clock;

    private Position at = new Position(0, 0, 0, 0);
    private FreezeState groups = FreezeState.of(Map.of());
    private long trainableParameters;
    private double loss = Double.NaN;
    private double gradNorm = Double.NaN;
    private Instant epochBegan;

    /** Since when steps are counted for the speed. */
    private Instant stepsBegan;

    private Instant lastStep;
    private int stepsBefore;
    private long examplesDone;
    private long examplesUnderWay;

    /** A meter at rest. */
    public RunMeter(Clock clock) {
        this.clock = clock;
        this.epochBegan = clock.instant();
        this.stepsBegan = epochBegan;
        this.lastStep = epochBegan;
    }

    /**
     * What a meter shows.
     *
     * @param trainableParameters as of the epoch's beginning
     */
    public record Reading(Position at, FreezeState groups, long trainableParameters, Numbers numbers) {}

    /**
     * Of the newest step, and of the epoch so far.
     *
     * @param loss of the newest step; NaN before the first
     * @param gradNorm before clipping; NaN before the first
     * @param left time to the end of the last epoch; empty before a step
     */
    public record Numbers(double loss, double gradNorm, double examplesPerSecond, Optional<Duration> left) {}

    /** An epoch, or the rest of one after a resume, begins; {@code where} counts the steps done before it. */
    public synchronized void epochStart(Position where, FreezeState now, Cost cost) {
        at = where;
        groups = now;
        trainableParameters = cost.trainableParameters();
        epochBegan = clock.instant();
        stepsBegin();
    }

    /** What comes before steps is done, and is no part of their speed. */
    public synchronized void stepsBegin() {
        stepsBefore = at.stepsDone();
        examplesDone = 0;
        examplesUnderWay = 0;
        stepsBegan = clock.instant();
        lastStep = stepsBegan;
    }

    /** A group is in another state. */
    public synchronized void moved(String group, GroupState now) {
        Map<String, GroupState> states = new TreeMap<>(groups.states());
        states.put(group, now);
        groups = FreezeState.of(states);
    }

    /** Steps are done, up to {@code where}, over so many examples. */
    public synchronized void done(Position where, double newestLoss, double newestGradNorm, long examples) {
        examplesDone += examples;
        shows(where, newestLoss, newestGradNorm, 0);
    }

    /** A segment's steps are under way, up to {@code where}, over so many examples since the last that are done. */
    public synchronized void underWay(Position where, double newestLoss, double newestGradNorm, long examples) {
        shows(where, newestLoss, newestGradNorm, examples);
    }

    private void shows(Position where, double newestLoss, double newestGradNorm, long ahead) {
        at = where;
        loss = newestLoss;
        gradNorm = newestGradNorm;
        examplesUnderWay = ahead;
        lastStep = clock.instant();
    }

    /** Everything as of one moment. */
    public synchronized Reading reading() {
        double seconds = seconds();
        double rate = seconds > 0 ? (examplesDone + examplesUnderWay) / seconds : 0;
        return new Reading(at, groups, trainableParameters, new Numbers(loss, gradNorm, rate, left(seconds)));
    }

    private double seconds() {
        return Duration.between(stepsBegan, lastStep).toNanos() / 1e9;
    }

    private Optional<Duration> left(double seconds) {
        int steps = at.stepsDone() - stepsBefore;
        return steps < 1
                ? Optional.empty()
                : Optional.of(
                        Duration.ofMillis((long) (1000 * seconds / steps * Math.max(0, at.steps() - at.stepsDone()))));
    }

    /** How long the epoch under way has taken. */
    synchronized Duration epochTook() {
        return Duration.between(epochBegan, clock.instant());
    }
}
