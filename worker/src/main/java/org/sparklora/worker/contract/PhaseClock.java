package org.sparklora.worker.contract;

import java.util.EnumMap;
import java.util.Map;

/**
 * Measures the time of each {@link Phase}: each {@link #lap} assigns the time since the previous one to a phase, so all time
 * is counted once. Not thread-safe: each rank has its own.
 */
public final class PhaseClock {

    private final Map<Phase, Long> nanos = new EnumMap<>(Phase.class);
    private long last = System.nanoTime();

    /** Assigns the time since the previous lap to a phase. */
    public void lap(Phase phase) {
        long now = System.nanoTime();
        nanos.merge(phase, now - last, Long::sum);
        last = now;
    }

    /** Moves nanoseconds from one phase to another. */
    public void move(Phase from, Phase to, long part) {
        nanos.merge(from, -part, Long::sum);
        nanos.merge(to, part, Long::sum);
    }

    /** All laps so far. */
    public PhaseTimes times() {
        return new PhaseTimes(nanos);
    }
}
