package org.sparklora.driver.cluster;

import java.time.Clock;

/**
 * Number of steps in a segment: about a minute of work, the most that a failure can cost. After a failure it is a quarter of
 * that, because executors that die more often than a segment ends would allow no progress; each segment that succeeds doubles
 * it again. It is measured, so it differs between runs. It decides when results are collected, and does not change them.
 */
final class SegmentLength {

    private static final int FIRST = 32;
    private static final double MAX_MS = 60_000;
    private static final double MIN_MS = 1_000;

    private final Clock clock;
    private double targetMs = MAX_MS;
    private int steps = FIRST;

    SegmentLength(Clock clock) {
        this.clock = clock;
    }

    Clock clock() {
        return clock;
    }

    int steps() {
        return steps;
    }

    /** Records how long a segment took. */
    void took(int count, long millis) {
        double each = Math.max(0.1, (double) millis / count);
        steps = (int) Math.max(1, Math.min(100_000, targetMs / each));
        targetMs = Math.min(MAX_MS, 2 * targetMs);
    }

    /** Records that a segment failed. */
    void failed() {
        targetMs = Math.max(MIN_MS, targetMs / 4);
        steps = Math.max(1, steps / 4);
    }
}
