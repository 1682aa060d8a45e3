package org.sparklora.driver.watch.report;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Moments as the history has them, for people: always in UTC, so that a page says the same wherever it is written. */
final class Times {

    private static final DateTimeFormatter FORMAT = DateTimeFormatter.ofPattern(
                    "yyyy-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    private Times() {}

    static String text(String instant) {
        try {
            return FORMAT.format(Instant.parse(instant));
        } catch (DateTimeException e) {
            return instant; // Whatever it is, it is what the history says.
        }
    }
}
