package org.sparklora.worker.contract;

import java.util.EnumMap;
import java.util.Map;

/**
 * A stopwatch with a hand for each {@link Phase}: each {@link #lap} gives the time since the one before to a phase, so
 * all that passes is counted, and once. Costs a reading of the clock a lap. Not thread-safe: a rank has its own.
 */
public final class PhaseClock {

    private final Map<Phase, Long> nanos = new EnumMap<>(Phase.class);
    private long last = System.nanoTime();

    /** What has passed since the last lap went into a phase. */
    public void lap(Phase phase) {
        long now = System.nanoTime();
        nanos.merge(phase, now - last, Long::sum);
        last = now;
    }

    /** Part of what was counted as one phase was another. */
    public void move(Phase from, Phase to, long part) {
        nanos.merge(from, -part, Long::sum);
        nanos.merge(to, part, Long::sum);
    }

    /** All laps so far. */
    public PhaseTimes times() {
        return new PhaseTimes(nanos);
    }
}
