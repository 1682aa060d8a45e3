package org.sparklora.driver.watch.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Numbers and times for people, independent of the machine's locale and time zone. */
final class Formats {

    private static final String[] PREFIXES = {"", "k", "M", "G", "T", "P", "E", "Z"};

    /** Keeps a number and its unit on one line. */
    private static final char NO_BREAK_SPACE = '\u00a0';

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    private Formats() {}

    /** Rounds to significant digits without trailing zeros: {@code 0.0213}, {@code 4,741}, {@code 3e-5}. */
    static String significant(double value, int digits) {
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
        }
        if (value == 0) {
            return "0";
        }
        BigDecimal rounded = new BigDecimal(value, new MathContext(digits, RoundingMode.HALF_EVEN));
        double size = rounded.abs().doubleValue();
        if (size >= 1e7 || size < 1e-4) {
            int exponent = rounded.precision() - rounded.scale() - 1;
            return plain(rounded.movePointLeft(exponent)) + "e" + exponent;
        }
        return size >= 1000 ? whole(value) : plain(rounded);
    }

    private static String plain(BigDecimal value) {
        return value.stripTrailingZeros().toPlainString();
    }

    /** Four significant digits, for losses and metrics. */
    static String number(double value) {
        return significant(value, 4);
    }

    /** {@code 48,827}. */
    static String whole(double value) {
        return String.format(Locale.ROOT, "%,.0f", value);
    }

    /** {@code 12.4%}. Small shares are {@code < 0.1%}; only zero is {@code 0.0%}. */
    static String percent(double share) {
        double percent = 100 * share;
        return percent > 0 && percent < 0.05 ? "< 0.1%" : String.format(Locale.ROOT, "%.1f%%", percent);
    }

    /** Three digits and the prefix of a unit: {@code 1.24 T}. */
    static String scaled(double value) {
        double size = value;
        int prefix = 0;
        while (Math.abs(size) >= 999.5 && prefix < PREFIXES.length - 1) {
            size /= 1000;
            prefix++;
        }
        return significant(size, 3) + NO_BREAK_SPACE + PREFIXES[prefix];
    }

    /** At most one decimal, for attributes of drawings. */
    static String coordinate(double value) {
        double tenths = Math.rint(value * 10) / 10;
        return tenths == Math.rint(tenths) ? Long.toString((long) tenths) : Double.toString(tenths);
    }

    /** A part of a length as a CSS percentage. */
    static String css(double part) {
        return coordinate(100 * part) + "%";
    }

    /** A time of the history in UTC, so a page does not depend on where it is written. */
    static String time(String instant) {
        try {
            return TIME.format(Instant.parse(instant));
        } catch (DateTimeException e) {
            return instant;
        }
    }
}
