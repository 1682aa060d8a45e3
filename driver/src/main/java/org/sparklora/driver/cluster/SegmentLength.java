package org.sparklora.driver.cluster;

import java.time.Clock;

/**
 * How many steps a segment has: about a minute's worth, which is what a failure can cost. Measured, and so different from
 * run to run; it decides when results are collected and never what they are.
 */
final class SegmentLength {

    private static final int FIRST = 32;
    private static final double TARGET_MS = 60_000;

    private final Clock clock;
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

    /** Steps took so long. */
    void took(int count, long millis) {
        double each = Math.max(0.1, (double) millis / count);
        steps = (int) Math.max(1, Math.min(100_000, TARGET_MS / each));
    }
}
