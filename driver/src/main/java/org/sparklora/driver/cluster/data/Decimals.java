package org.sparklora.driver.cluster.data;

import java.util.regex.Pattern;

/** Decimal numbers in data: the syntax of Double.parseDouble without NaN, infinities, hexadecimal and type suffixes. */
final class Decimals {

    private static final Pattern DECIMAL = Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?");

    private Decimals() {}

    /** Whether the text is a number that is finite as a float. */
    static boolean isFinite(String text) {
        return DECIMAL.matcher(text.strip()).matches() && Float.isFinite((float) parse(text));
    }

    /** Parses a text that passed {@link #isFinite}. */
    static double parse(String text) {
        return Double.parseDouble(text.strip());
    }
}
