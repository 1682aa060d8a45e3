package org.sparklora.driver.cluster.data;

import java.util.regex.Pattern;

/** Decimal numbers in data: what Double.parseDouble takes, less NaN, infinities, hexadecimal and Java's suffixes. */
final class Decimals {

    private static final Pattern DECIMAL = Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?");

    private Decimals() {}

    /** Whether the text is a number that a float holds. */
    static boolean isFinite(String text) {
        return DECIMAL.matcher(text.strip()).matches() && Float.isFinite((float) Double.parseDouble(text.strip()));
    }

    /** The number; the text must have passed {@link #isFinite}. */
    static double parse(String text) {
        return Double.parseDouble(text.strip());
    }
}
