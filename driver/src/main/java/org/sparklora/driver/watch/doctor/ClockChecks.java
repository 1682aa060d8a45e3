package org.sparklora.driver.watch.doctor;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.ClockReading;

/** Clock differences between executors and driver. */
public final class ClockChecks {

    /** With larger differences, logs of several hosts cannot be ordered by time. */
    private static final long WARNING_MS = 2_000;

    /** Kerberos rejects tickets beyond this by default; object stores reject signed requests beyond three times this. */
    private static final long PROBLEM_MS = 300_000;

    private ClockChecks() {}

    /**
     * The minimum difference that explains a reading. The reading was taken between two readings of the driver's clock, so
     * only a value outside of them is certain to be skewed. All in milliseconds; positive if the other clock is ahead.
     */
    static long skew(long before, long reading, long after) {
        if (reading < before) {
            return reading - before;
        }
        return Math.max(0, reading - after);
    }

    /**
     * Checks readings of the executors' clocks.
     *
     * @param before the driver's clock before the first reading, in milliseconds since the epoch
     * @param after the driver's clock after the last reading
     */
    public static Finding of(long before, long after, List<ClockReading> readings) {
        SortedMap<String, Long> apart = new TreeMap<>();
        for (ClockReading reading : readings) {
            long skew = skew(before, reading.millis(), after);
            apart.merge(reading.host(), skew, (a, b) -> Math.abs(a) >= Math.abs(b) ? a : b);
        }
        Map.Entry<String, Long> worst = apart.entrySet().stream()
                .max(Comparator.comparingLong(host -> Math.abs(host.getValue())))
                .orElse(Map.entry("no host", 0L));
        long size = Math.abs(worst.getValue());
        if (size < WARNING_MS) {
            double within = (size + after - before) / 1000.0;
            String hosts = ExecutorChecks.count(apart.size(), "host");
            return Finding.ok(String.format(Locale.ROOT, "clocks agree within %.1f s on %s", within, hosts));
        }
        String direction = worst.getValue() > 0 ? "ahead of" : "behind";
        String found = String.format(
                Locale.ROOT,
                "the clock of %s is at least %.1f s %s the driver's",
                worst.getKey(),
                size / 1000.0,
                direction);
        String remedy = "; run an NTP client on every host";
        return size < PROBLEM_MS
                ? Finding.warning(found, "logs of several hosts cannot be ordered by time" + remedy)
                : Finding.problem(found, "Kerberos and object stores reject requests from such hosts" + remedy);
    }
}
