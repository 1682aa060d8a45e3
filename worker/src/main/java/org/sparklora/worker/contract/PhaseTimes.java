package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The time of each {@link Phase} on one rank's thread. Phases do not overlap.
 *
 * @param nanos nanoseconds; 0 for a missing phase
 */
public record PhaseTimes(Map<Phase, Long> nanos) implements Serializable {

    /** Nothing measured. */
    public static final PhaseTimes NONE = new PhaseTimes(Map.of());

    public PhaseTimes {
        nanos = Map.copyOf(nanos);
    }

    /** Nanoseconds of a phase. */
    public long nanos(Phase phase) {
        return nanos.getOrDefault(phase, 0L);
    }

    /** Nanoseconds of data, frozen trunk, forward and backward. */
    public long passNanos() {
        return nanos(Phase.DATA) + nanos(Phase.TRUNK) + nanos(Phase.FORWARD) + nanos(Phase.BACKWARD);
    }

    /** Nanoseconds of all phases. */
    public long allNanos() {
        return nanos.values().stream().mapToLong(Long::longValue).sum();
    }

    /** The sum of both. */
    public PhaseTimes plus(PhaseTimes other) {
        TreeMap<Phase, Long> sum = new TreeMap<>(nanos);
        other.nanos.forEach((phase, more) -> sum.merge(phase, more, Long::sum));
        return new PhaseTimes(sum);
    }

    /** These times with more of one phase. */
    public PhaseTimes plus(Phase phase, long more) {
        return plus(new PhaseTimes(Map.of(phase, more)));
    }

    /** The mean over this many tasks. */
    public PhaseTimes dividedBy(int count) {
        TreeMap<Phase, Long> mean = new TreeMap<>(nanos);
        mean.replaceAll((phase, all) -> all / count);
        return new PhaseTimes(mean);
    }

    /** Seconds by label of the phase. */
    public SortedMap<String, Double> seconds() {
        TreeMap<String, Double> seconds = new TreeMap<>();
        nanos.forEach((phase, all) -> seconds.put(phase.label(), all / 1e9));
        return seconds;
    }
}
