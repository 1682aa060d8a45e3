package org.sparklora.driver.watch.doctor;

import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.ClockReading;

/** How far the executors' clocks are from the driver's. */
public final class ClockChecks {

    /** From here on events of several hosts cannot be put in order by their times. */
    private static final long NOTABLE_MS = 2_000;

    /** Kerberos refuses tickets beyond, by default; object stores refuse signed requests at three times that. */
    private static final long REFUSED_MS = 300_000;

    private ClockChecks() {}

    /**
     * The least that explains a reading: it was taken between two readings of the driver's clock, so only what lies outside of
     * them is skew for certain. All in milliseconds; above 0 where the other clock is ahead.
     */
    static long skew(long before, long reading, long after) {
        if (reading < before) {
            return reading - before;
        }
        return Math.max(0, reading - after);
    }

    /**
     * Judges readings taken between two of the driver's own.
     *
     * @param before the driver's clock before the first, in milliseconds since the epoch
     * @param after the driver's clock after the last
     */
    public static Finding of(long before, long after, List<ClockReading> readings) {
        SortedMap<String, Long> apart = new TreeMap<>();
        for (ClockReading reading : readings) {
            long skew = skew(before, reading.millis(), after);
            apart.merge(reading.host(), skew, (a, b) -> Math.abs(a) >= Math.abs(b) ? a : b);
        }
        String worst = apart.keySet().stream()
                .max((a, b) -> Long.compare(Math.abs(apart.getOrDefault(a, 0L)), Math.abs(apart.getOrDefault(b, 0L))))
                .orElse("no host");
        long most = apart.getOrDefault(worst, 0L);
        if (Math.abs(most) < NOTABLE_MS) {
            return Finding.ok(String.format(
                    Locale.ROOT,
                    "clocks agree within %.1f s on %s",
                    (Math.abs(most) + after - before) / 1000.0,
                    ExecutorChecks.count(apart.size(), "host")));
        }
        String found = String.format(
                Locale.ROOT,
                "the clock of %s is at least %.1f s %s the driver's",
                worst,
                Math.abs(most) / 1000.0,
                most > 0 ? "ahead of" : "behind");
        return Math.abs(most) < REFUSED_MS
                ? Finding.warning(
                        found, "logs of several hosts cannot be put in order: run an NTP client on every host")
                : Finding.problem(
                        found,
                        "Kerberos and object stores refuse requests from such hosts: run an NTP client on every host");
    }
}
