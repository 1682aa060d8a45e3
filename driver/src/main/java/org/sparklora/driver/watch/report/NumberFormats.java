package org.sparklora.driver.watch.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** Numbers for people, with the same digits whatever the machine's locale. */
final class NumberFormats {

    private static final String[] PREFIXES = {"", "k", "M", "G", "T", "P", "E", "Z"};

    /** A space at which no line ends: a number and its unit stay together. */
    private static final char NO_BREAK = '\u00a0';

    private NumberFormats() {}

    /** With so many digits that count, and no zeros after them: {@code 0.0213}, {@code 4,741}, {@code 3e-5}. */
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
        return size >= 1000 ? String.format(Locale.ROOT, "%,.0f", value) : plain(rounded);
    }

    private static String plain(BigDecimal value) {
        return value.stripTrailingZeros().toPlainString();
    }

    /** Four digits that count, as for losses and metrics. */
    static String number(double value) {
        return significant(value, 4);
    }

    /** {@code 48,827}. */
    static String whole(double value) {
        return String.format(Locale.ROOT, "%,.0f", value);
    }

    /** The same. */
    static String whole(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    /** {@code 12.4%}; what is there at all is never {@code 0.0%}. */
    static String percent(double share) {
        double hundredths = 100 * share;
        if (hundredths > 0 && hundredths < 0.05) {
            return "< 0.1%";
        }
        return String.format(Locale.ROOT, "%.1f%%", hundredths);
    }

    /** Three digits and a prefix of the unit that follows: {@code 1.24 T}, with a space at which no line ends. */
    static String scaled(double value) {
        double size = value;
        int prefix = 0;
        while (Math.abs(size) >= 999.5 && prefix < PREFIXES.length - 1) {
            size /= 1000;
            prefix++;
        }
        return significant(size, 3) + NO_BREAK + PREFIXES[prefix];
    }

    /** For attributes of drawings: a decimal at most. */
    static String coordinate(double value) {
        double tenths = Math.rint(value * 10) / 10;
        return tenths == Math.rint(tenths) ? Long.toString((long) tenths) : Double.toString(tenths);
    }
}
